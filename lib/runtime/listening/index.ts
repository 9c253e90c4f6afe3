export { ActorListening } from './actor-listening.js';
export { type Delivery, originOf } from './delivery.js';
export { concernedBy } from './listener.js';
export type { ListeningOwner } from './listening-owner.js';
export { warnOfMissingHandlers } from './missing-handlers.js';
export { reactedTo } from './reaction-commands.js';
export type { Reactions } from './reactions.js';
export { type ReactivatingSource, Reactivator } from './reactivator.js';
