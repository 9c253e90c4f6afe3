export {
  type AppendConflict,
  type AppendDuty,
  type Appended,
  type AppendRequest,
  type AppendResult,
  CONFLICT_EVENTS_MAX,
} from './append.js';
export type { Checkpoint, CheckpointDuty } from './checkpoints.js';
export type { Engine } from './engine.js';
export type { FollowDuty, Unwatch, Wake } from './follow.js';
export { MESSAGE_KEPT_MS, type MessageDuty, type NodeMessage } from './messages.js';
export type { NodeDuty, NodeRecord } from './nodes.js';
export { READ_PAGE_EVENTS_MAX, type ReadDuty, type StorePage } from './read.js';
export type { SnapshotDuty, SnapshotRecord } from './snapshots.js';
export { SCHEDULES_MAX, type TickDuty, type TickSchedule } from './tick-schedules.js';
