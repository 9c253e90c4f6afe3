export { ActorState, type SkippedEvents } from './actor-state.js';
export { mustRunAgain, type OpenTurn, OptimisticState, type PendingCommit, type Rebased } from './optimistic-state.js';
export { ReplayedActor } from './replayed-actor.js';
