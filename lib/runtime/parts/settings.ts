import type { Engine } from '../../engine/duties/index.js';
import type { Environment } from '../../engine/environment/index.js';
import {
  assertNumber,
  COUNT,
  COUNT_OR_NONE,
  type NumberRule,
  TIME,
  TIMER,
  TIMER_OR_NONE,
} from '../../kernel/defining/index.js';
import type { Clock, Ids } from '../../kernel/values/index.js';
import type { Gate } from './gate.js';
import type { Telemetry } from './telemetry.js';
import type { WriteHealth } from './write-health.js';

/**
 * Where the library reports what no caller waits for: retries, snapshots that could not be saved, handlers that failed.
 */
export interface Log {
  warn(message: string, error?: unknown): void;
  error(message: string, error?: unknown): void;
}

/** Limits and time-outs of a node. Each has a default. */
export interface RuntimeLimits {
  /**
   * How long a caller waits for its commit, in milliseconds above 0; then it gets `CommitTimeoutError`, and the events
   * stay pending. Default 10,000.
   */
  commitTimeoutMs: number;
  /**
   * How many commands of one activation may wait, run, or be on their way to the engine; for a `OneActor`, to the
   * leader and back as well. A whole number from 1 on. Default 10,000.
   */
  mailboxSizeMax: number;
  /**
   * How many events of one activation go into one append; the rest goes with the next. The events of one commit are
   * never split. A whole number from 1 on. Default 1,000.
   */
  appendEventsMax: number;
  /**
   * How often a `rerun` command runs again before it fails with `ConflictError`. A whole number from 1 on. Default
   * 1,000.
   */
  rerunsMax: number;
  /** How long an activation may be idle before it is passivated, in milliseconds. Default 60,000. */
  passivateAfterMs: number;
  /**
   * How many activations are kept; beyond that the least recently used idle ones are passivated. A whole number from 1
   * on. Default 10,000.
   */
  residentMax: number;
  /** How many events lie between two snapshots of one actor; 0 for no snapshots. Default 200. */
  snapshotEvery: number;
  /**
   * How long a node's heartbeat may stay unchanged before the node counts as dead and another one can lead in its
   * place. Calls to it are given up after three quarters of this. Milliseconds. Default 2,000.
   */
  heartbeatTimeoutMs: number;
  /**
   * How long a leader may answer nothing before it is replaced, even if it is alive. It must be longer than any command
   * takes. Milliseconds. Default 5,000.
   */
  leaderTimeoutMs: number;
  /**
   * How often a reaction or a projection is tried, with growing waits in between, before its event is parked. A whole
   * number from 1 on. Default 5.
   */
  reactionTriesMax: number;
  /** How long shutdown waits for accepted commands, and then again for `onPassivate`. Milliseconds. Default 10,000. */
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

/** The allowed range of each. */
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

/** The given limits, and defaults for the rest. @throws RegistrationError (`INVALID_OPTION`). */
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

/** What the parts of a running node share. */
export interface RuntimeParts {
  readonly engine: Engine;
  readonly nodeId: string;
  readonly limits: Readonly<RuntimeLimits>;
  /** The source of time, timers, randomness and turns of the event loop. */
  readonly environment: Environment;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  /** `undefined` if nobody observes this node. */
  readonly telemetry: Telemetry | undefined;
  /** Records the outcome of every append, for health checks. */
  readonly writes: WriteHealth;
  /** Holds back reactions and ticks until everything that actors use is ready. Commands do not wait for it. */
  readonly begun: Gate;
}
