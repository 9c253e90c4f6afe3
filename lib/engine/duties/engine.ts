import type { AppendDuty } from './append.js';
import type { CheckpointDuty } from './checkpoints.js';
import type { FollowDuty } from './follow.js';
import type { MessageDuty } from './messages.js';
import type { NodeDuty } from './nodes.js';
import type { ReadDuty } from './read.js';
import type { SnapshotDuty } from './snapshots.js';
import type { TickDuty } from './tick-schedules.js';

/**
 * What stores streams and lets nodes find each other: the sum of its duties, each in a file of its own beside this one.
 * Nothing here is optional, so the runtime never works around an engine. An engine is made of these parts plus what
 * `engine/` shares (group commit, retry, followers): see docs/writing-an-engine.md.
 */
export interface Engine
  extends AppendDuty,
    ReadDuty,
    FollowDuty,
    SnapshotDuty,
    NodeDuty,
    MessageDuty,
    TickDuty,
    CheckpointDuty {
  /** For logs and errors: `'sqlite'`, `'memory'` … */
  readonly name: string;
  /** Connects and creates what is missing. Called once, before anything else. Throws an `EngineError` that says what to do. */
  open(): Promise<void>;
  /** Waits for writes under way, then frees sockets, files and timers. Idempotent. Calls after it throw `ENGINE_CLOSED`. */
  close(): Promise<void>;
}
