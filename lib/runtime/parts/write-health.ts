import type { CheckpointDuty } from '../../engine/duties/index.js';
import type { Environment } from '../../engine/environment/index.js';
import { EngineError } from '../../kernel/values/index.js';

/**
 * Whether the engine can store anything. Reading may work long after writing has stopped working (a full disk, a server
 * without its majority). It records the outcome of every append of this node. When appends say nothing, it writes
 * something itself.
 */
export class WriteHealth {
  readonly #engine: CheckpointDuty;
  readonly #environment: Environment;
  /** Since when appends have failed without a success. */
  #failing: { error: EngineError; readonly sinceMs: number; lastMs: number } | undefined;
  #probe: { readonly atMs: number; readonly failure: Promise<EngineError | undefined> } | undefined;

  constructor(engine: CheckpointDuty, environment: Environment) {
    this.#engine = engine;
    this.#environment = environment;
  }

  /** An append failed, whether it is retried or not. */
  failed(error: unknown): void {
    if (!(error instanceof EngineError) || OF_ONE_REQUEST.has(error.code)) return;
    const nowMs = this.#environment.monotonicMs();
    this.#failing ??= { error, sinceMs: nowMs, lastMs: nowMs };
    this.#failing.error = error;
    this.#failing.lastMs = nowMs;
  }

  /** An append succeeded, or was answered with a conflict. */
  worked(): void {
    this.#failing = undefined;
  }

  /** Why nothing can be stored now; `undefined` if writing works. */
  async failure(): Promise<EngineError | undefined> {
    const failing = this.#failing;
    const nowMs = this.#environment.monotonicMs();
    const persists = failing && nowMs - failing.sinceMs >= PERSISTS_MS && nowMs - failing.lastMs < RECENT_MS;
    // The probe would not help: a small value may fit where an event does not.
    if (persists) return failing.error;
    if (!this.#probe || nowMs - this.#probe.atMs >= PROBE_MS) this.#probe = { atMs: nowMs, failure: this.#write() };
    return this.#probe.failure;
  }

  /** Even if another node is faster, writing works. */
  async #write(): Promise<EngineError | undefined> {
    try {
      const kept = await this.#engine.loadCheckpoint(PROBE);
      await this.#engine.saveCheckpoint(PROBE, kept?.revision ?? 0, '{}');
      return undefined;
    } catch (error) {
      if (error instanceof EngineError) return error;
      throw error;
    }
  }
}

/** The checkpoint that is written to test whether writing works: one small value for all nodes. */
const PROBE = '$health';
/** How long the result of a probe is valid. Milliseconds. */
const PROBE_MS = 1_000;
/** Appends that fail and are retried for less than this are a passing problem. Milliseconds. */
const PERSISTS_MS = 1_000;
/**
 * A failure this long ago is not being retried any more. It is longer than the longest wait between two tries.
 * Milliseconds.
 */
const RECENT_MS = 5_000;

/** These codes concern the stored data, not the engine. */
const OF_ONE_REQUEST: ReadonlySet<string> = new Set([
  'EVENT_TOO_LARGE',
  'COMMIT_TOO_LARGE',
  'STREAM_REGRESSED',
  'ENGINE_FAULT',
  'ENGINE_OVERLOADED',
  'ENGINE_CLOSED',
]);
