import type { Engine } from '../../engine/duties/engine.js';
import type { Environment } from '../../engine/environment/environment.js';
import {
  assertNumber,
  COUNT,
  COUNT_OR_NONE,
  type NumberRule,
  TIME,
  TIMER,
  TIMER_OR_NONE,
} from '../../kernel/defining/option-checks.js';
import type { Clock, Ids } from '../../kernel/values/clock.js';
import type { Gate } from './gate.js';
import type { Telemetry } from './telemetry.js';
import type { WriteHealth } from './write-health.js';

/** Where the library writes what nobody waits for: retries, snapshots it could not save, subscribers that threw. */
export interface Log {
  warn(message: string, error?: unknown): void;
  error(message: string, error?: unknown): void;
}

/** The limits and waits of a node; every one has a default. */
export interface RuntimeLimits {
  /** A caller whose commit is not durable by then gets `CommitTimeoutError`; the events stay pending. Milliseconds. Default 10,000. */
  commitTimeoutMs: number;
  /** Most commands of one activation that may wait, run or be on their way to the engine or, of a `OneActor`, to the leader and back. Default 10,000. */
  mailboxSizeMax: number;
  /** Most events of one activation in one append; the rest goes with the next. A command's own events are never split. Default 1,000. */
  appendEventsMax: number;
  /** How often a `rerun` command is decided anew before it fails with `ConflictError`. Default 1,000. */
  rerunsMax: number;
  /** Idle time after which an activation is let go. Milliseconds. Default 60,000. */
  passivateAfterMs: number;
  /** Most activations kept; past that the least recently used idle ones are let go. Default 10,000. */
  residentMax: number;
  /** Events between two snapshots of one actor; 0 for none. Default 200. */
  snapshotEvery: number;
  /** A node whose heartbeat was not seen to change for so long is dead, and what it led is up for election; who waits for its answer waits three quarters of that. Milliseconds. Default 2,000. */
  heartbeatTimeoutMs: number;
  /** A leader that answers nothing for so long is replaced, even if it is alive. Longer than any command takes. Milliseconds. Default 5,000. */
  leaderTimeoutMs: number;
  /** How often a reaction or a projection is tried before its event is parked, with growing waits in between. Default 5. */
  reactionTriesMax: number;
  /** How long shutdown waits for what was accepted, and then again for `onPassivate`. Milliseconds. Default 10,000. */
  shutdownTimeoutMs: number;
}

export const DEFAULT_LIMITS: Readonly<RuntimeLimits> = Object.freeze({
  commitTimeoutMs: 10_000,
  mailboxSizeMax: 10_000,
  appendEventsMax: 1_000,
  rerunsMax: 1_000,
  passivateAfterMs: 60_000,
  residentMax: 10_000,
  snapshotEvery: 200,
  heartbeatTimeoutMs: 2_000,
  leaderTimeoutMs: 5_000,
  reactionTriesMax: 5,
  shutdownTimeoutMs: 10_000,
});

/** What each may be. */
const RULES: Readonly<Record<keyof RuntimeLimits, NumberRule>> = {
  commitTimeoutMs: TIME,
  mailboxSizeMax: COUNT,
  appendEventsMax: COUNT,
  rerunsMax: COUNT,
  passivateAfterMs: TIME,
  residentMax: COUNT,
  snapshotEvery: COUNT_OR_NONE,
  heartbeatTimeoutMs: TIMER,
  leaderTimeoutMs: TIMER,
  reactionTriesMax: COUNT,
  shutdownTimeoutMs: TIMER_OR_NONE,
};

/** The defaults, but for what is given. @throws RegistrationError (`INVALID_OPTION`). */
export function checkedLimits(given: Partial<RuntimeLimits>): RuntimeLimits {
  const limits = { ...DEFAULT_LIMITS };
  for (const name of Object.keys(RULES) as (keyof RuntimeLimits)[]) {
    const value = given[name];
    if (value === undefined) continue;
    assertNumber('EventSourcingModule.forRoot()', name, value, RULES[name]);
    limits[name] = value;
  }
  return limits;
}

/** All that the parts of a running node share. */
export interface RuntimeParts {
  readonly engine: Engine;
  readonly nodeId: string;
  readonly limits: Readonly<RuntimeLimits>;
  /** Where all time, timers, randomness and turns of the event loop come from. */
  readonly environment: Environment;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  /** `undefined` if nobody observes this node. */
  readonly telemetry: Telemetry | undefined;
  /** Hears of every append, for who asks how this node does. */
  readonly writes: WriteHealth;
  /** What events and time bring about waits here until what actors use is ready; commands don't. */
  readonly begun: Gate;
}
