import type { CheckpointDuty } from '../../engine/duties/checkpoints.js';
import type { Environment } from '../../engine/environment/environment.js';
import { EngineError } from '../../kernel/values/errors.js';

/**
 * Whether the engine takes what is to be stored: reading may work for long after writing does not (a full disk, a server that lost its majority). It hears
 * of every append of this node; when those say nothing, it writes something itself.
 */
export class WriteHealth {
  readonly #engine: CheckpointDuty;
  readonly #environment: Environment;
  /** Appends have failed since, and none has worked. */
  #failing: { error: EngineError; readonly sinceMs: number; lastMs: number } | undefined;
  #probe: { readonly atMs: number; readonly failure: Promise<EngineError | undefined> } | undefined;

  constructor(engine: CheckpointDuty, environment: Environment) {
    this.#engine = engine;
    this.#environment = environment;
  }

  /** An append failed, whether it is tried again or not. */
  failed(error: unknown): void {
    if (!(error instanceof EngineError) || OF_ONE_REQUEST.has(error.code)) return;
    const nowMs = this.#environment.monotonicMs();
    this.#failing ??= { error, sinceMs: nowMs, lastMs: nowMs };
    this.#failing.error = error;
    this.#failing.lastMs = nowMs;
  }

  /** An append was answered. */
  worked(): void {
    this.#failing = undefined;
  }

  /** Why nothing can be stored now; `undefined` if something can. */
  async failure(): Promise<EngineError | undefined> {
    const failing = this.#failing;
    const nowMs = this.#environment.monotonicMs();
    const persists = failing && nowMs - failing.sinceMs >= PERSISTS_MS && nowMs - failing.lastMs < RECENT_MS;
    // A small value may find room where an event does not.
    if (persists) return failing.error;
    if (!this.#probe || nowMs - this.#probe.atMs >= PROBE_MS) this.#probe = { atMs: nowMs, failure: this.#write() };
    return this.#probe.failure;
  }

  /** If another node is faster, something could be written all the same. */
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

/** What is written to find out whether anything can be written: one small value for all nodes. */
const PROBE = '$health';
/** A probe's answer is good for so long. Milliseconds. */
const PROBE_MS = 1_000;
/** Appends that fail and are tried again for less than this are a passing trouble. Milliseconds. */
const PERSISTS_MS = 1_000;
/** Nobody tries again what failed so long ago; more than the longest wait between two tries. Milliseconds. */
const RECENT_MS = 5_000;

/** These say something of what was to be stored, not of the engine. */
const OF_ONE_REQUEST: ReadonlySet<string> = new Set([
  'EVENT_TOO_LARGE',
  'COMMIT_TOO_LARGE',
  'STREAM_REGRESSED',
  'ENGINE_FAULT',
  'ENGINE_OVERLOADED',
  'ENGINE_CLOSED',
]);
