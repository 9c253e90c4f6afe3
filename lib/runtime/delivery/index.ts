export type { Consumer } from './consumer.js';
export { LowWatermark } from './low-watermark.js';
export { type ParkedEvent, ParkedEvents, type ParkedOwner } from './parked-events.js';
export { RETRIES_STOPPED, type RetriedTask, RetryPolicy } from './retry-policy.js';
export { SavedCheckpoint } from './saved-checkpoint.js';
export { isOutage, isTransient } from './transient-failures.js';
