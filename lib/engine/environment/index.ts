export { type AsyncContext, callersContext, detached } from './async-context.js';
export { BACKOFF_MS_MAX, BACKOFF_MS_MIN, Backoff, backoffIn } from './backoff.js';
export { CoalescedWork } from './coalesced-work.js';
export { type Environment, endsWithin, keptAlive, pause, sleep, type Timer, turnOfTheLoop } from './environment.js';
export { PriorityQueue } from './priority-queue.js';
export { SYSTEM } from './system-environment.js';
export { TimeSlice, type TimeSlices, timeSlicesOf } from './time-slices.js';
