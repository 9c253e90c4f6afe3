export type { ActorHandle, ActorRef, LedHandle } from './actor-ref.js';
export { ActorRepository } from './actor-repository.js';
export type { ReplayStep } from './replay.js';
