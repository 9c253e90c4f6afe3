export { type TickOwner, TickRole } from './tick-role.js';
export { TickScheduler } from './tick-scheduler.js';
