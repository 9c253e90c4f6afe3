import type { AppendDuty } from './append.js';
import type { CheckpointDuty } from './checkpoints.js';
import type { FollowDuty } from './follow.js';
import type { MessageDuty } from './messages.js';
import type { NodeDuty } from './nodes.js';
import type { ReadDuty } from './read.js';
import type { SnapshotDuty } from './snapshots.js';
import type { TickDuty } from './tick-schedules.js';

/**
 * Stores streams and lets nodes find each other. An engine is the sum of its duties; each has a file of its own beside
 * this one. No duty is optional, so the runtime never works around an engine. What engines have in common (group
 * commit, retries, followers) is in `engine/`: see docs/writing-an-engine.md.
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
  /** The engine's name in logs and errors: `'sqlite'`, `'memory'` … */
  readonly name: string;
  /**
   * Connects, and creates what is missing. It is called once, before anything else.
   *
   * @throws EngineError that says what to do.
   */
  open(): Promise<void>;
  /**
   * Waits for writes that are under way, then frees sockets, files and timers. It may be called more than once. Every
   * later call of another method throws `EngineError` (`ENGINE_CLOSED`).
   */
  close(): Promise<void>;
}
