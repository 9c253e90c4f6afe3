export type { Origin, RequestCause } from './cause.js';
export { derivedId, derivedIdIn, isDerivedId } from './derived-ids.js';
export { decodeEvent, MetadataWriter, metadataOf, parkable, todaysEvent } from './event-codec.js';
export { currentOrigin, withCorrelation } from './origin.js';
