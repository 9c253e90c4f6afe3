export type { Activation } from './activation.js';
export { ActorHost } from './actor-host.js';
export type { NodeParts } from './node-parts.js';
export { Residents } from './residents.js';
