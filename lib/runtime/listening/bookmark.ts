// The real one, also where a test runner has replaced the global.
import { setTimeout } from 'node:timers';
import type { CheckpointDuty } from '../../engine/checkpoints.js';

/** How often what moves on is saved. Milliseconds. */
const SAVE_MS = 500;

/** How far somebody has come, kept in the engine. Saved now and then: what was done since is done again after a crash. */
export class Bookmark<Value extends object> {
  /** What was kept when it was opened. */
  readonly value: Value;
  readonly #engine: CheckpointDuty;
  readonly #name: string;
  #revision: number;
  #saved: string;
  #saving: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(engine: CheckpointDuty, name: string, revision: number, value: Value) {
    this.#engine = engine;
    this.#name = name;
    this.#revision = revision;
    this.value = value;
    this.#saved = JSON.stringify(value);
  }

  /** Writes it down unless it is there. */
  static async create(engine: CheckpointDuty, name: string, first: () => Promise<object>): Promise<void> {
    if (await engine.loadCheckpoint(name)) return;
    await engine.saveCheckpoint(name, 0, JSON.stringify(await first()));
  }

  static async open<Value extends object>(engine: CheckpointDuty, name: string, none: Value): Promise<Bookmark<Value>> {
    const kept = await engine.loadCheckpoint(name);
    return new Bookmark<Value>(engine, name, kept?.revision ?? 0, kept ? (JSON.parse(kept.value) as Value) : none);
  }

  /** Saves what `value` says, from now on. @param lost called if somebody else has saved it meanwhile; it is not saved again after that. */
  keep(value: () => Value, lost: () => void): void {
    this.#timer = setTimeout(() => {
      this.#saving = this.save(value()).then(
        (isSaved) => {
          if (!isSaved) lost();
          else if (this.#timer) this.keep(value, lost);
        },
        () => {
          // An engine that cannot be reached now is tried again.
          if (this.#timer) this.keep(value, lost);
        },
      );
    }, SAVE_MS);
    this.#timer.unref();
  }

  /** Whether it is kept: nobody else has saved it meanwhile. */
  async save(value: Value): Promise<boolean> {
    const text = JSON.stringify(value);
    if (text === this.#saved) return true;
    if (!(await this.#engine.saveCheckpoint(this.#name, this.#revision, text))) return false;
    this.#revision += 1;
    this.#saved = text;
    return true;
  }

  /** Saves it a last time. */
  async close(value: Value): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#saving;
    await this.save(value).catch(() => {
      // Whoever goes on does it again.
    });
  }
}
