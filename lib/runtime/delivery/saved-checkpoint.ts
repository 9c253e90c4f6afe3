import type { CheckpointDuty } from '../../engine/duties/index.js';
import type { Environment, Timer } from '../../engine/environment/index.js';

/**
 * A checkpoint, stored in the engine. It is saved now and then, so work done since the last save is done again after a
 * crash. Of several holders only one can save; the others learn that they lost it.
 */
export class SavedCheckpoint<Value extends object> {
  /** The stored value when it was opened. */
  readonly value: Value;
  readonly #engine: CheckpointDuty;
  readonly #environment: Environment;
  readonly #name: string;
  #revision: number;
  #saved: string;
  /** A value that may have been saved, because no answer came. */
  #tried: string | undefined;
  #saving: Promise<unknown> = Promise.resolve();
  #timer: Timer | undefined;

  private constructor(parts: CheckpointParts, name: string, revision: number, value: Value) {
    this.#engine = parts.engine;
    this.#environment = parts.environment;
    this.#name = name;
    this.#revision = revision;
    this.value = value;
    this.#saved = JSON.stringify(value);
  }

  static async open<Value extends object>(
    parts: CheckpointParts,
    name: string,
    none: Value,
  ): Promise<SavedCheckpoint<Value>> {
    const kept = await parts.engine.loadCheckpoint(name);
    return new SavedCheckpoint<Value>(
      parts,
      name,
      kept?.revision ?? 0,
      kept ? (JSON.parse(kept.value) as Value) : none,
    );
  }

  /**
   * Opens it, and takes it from whoever opened it before (and was frozen since): that one can save no more. `undefined`
   * if somebody else was faster.
   */
  static async claim<Value extends object>(
    parts: CheckpointParts,
    name: string,
    none: Value,
  ): Promise<SavedCheckpoint<Value> | undefined> {
    const checkpoint = await SavedCheckpoint.open(parts, name, none);
    return (await checkpoint.#save(checkpoint.#saved)) ? checkpoint : undefined;
  }

  /** Whether nothing was ever saved. */
  get isNew(): boolean {
    return this.#revision === 0;
  }

  /**
   * Saves the result of `value` regularly from now on. @param lost is called if somebody else has saved it meanwhile;
   * saving then stops.
   */
  keep(value: () => Value, lost: () => void): void {
    this.#timer = this.#environment.setTimeout(() => {
      this.save(value()).then(
        (isSaved) => {
          if (!isSaved) lost();
          else if (this.#timer) this.keep(value, lost);
        },
        () => {
          // If the engine cannot be reached, saving is retried.
          if (this.#timer) this.keep(value, lost);
        },
      );
    }, SAVE_MS);
    this.#timer.unref();
  }

  /** Saves a value. Returns whether it is stored; it is not if somebody else has saved meanwhile. */
  save(value: Value): Promise<boolean> {
    const text = JSON.stringify(value);
    const saved = this.#saving.then(() => (text === this.#saved ? this.#isOurs() : this.#save(text)));
    this.#saving = saved.catch(() => {});
    return saved;
  }

  /** Saves it for the last time. Returns `false` if somebody else has saved it meanwhile. */
  async close(value: Value): Promise<boolean> {
    this.#environment.clearTimeout(this.#timer);
    this.#timer = undefined;
    // If it cannot be saved now, the next holder does that work again.
    return this.save(value).catch(() => true);
  }

  async #save(text: string): Promise<boolean> {
    const before = this.#tried;
    this.#tried = text;
    if (!(await this.#engine.saveCheckpoint(this.#name, this.#revision, text))) {
      // An earlier try, or this one, may have been saved although its answer was lost.
      const kept = await this.#engine.loadCheckpoint(this.#name);
      const isOurs = kept?.revision === this.#revision + 1 && (kept.value === text || kept.value === before);
      if (!isOurs) return false;
      if (kept.value !== text) {
        this.#revision += 1;
        return this.#save(text);
      }
    }
    this.#tried = undefined;
    this.#revision += 1;
    this.#saved = text;
    return true;
  }

  async #isOurs(): Promise<boolean> {
    return ((await this.#engine.loadCheckpoint(this.#name))?.revision ?? 0) === this.#revision;
  }
}

/** How often it is saved. Milliseconds. */
const SAVE_MS = 500;

/** The engine that stores it, and the environment. */
export interface CheckpointParts {
  readonly engine: CheckpointDuty;
  readonly environment: Environment;
}
