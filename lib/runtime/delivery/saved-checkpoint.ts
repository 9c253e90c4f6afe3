import type { CheckpointDuty } from '../../engine/duties/checkpoints.js';
import type { Environment, Timer } from '../../engine/environment/environment.js';

/**
 * How far somebody has come, kept in the engine. Saved now and then: what was done since is done again after a crash. Of several who opened it only one can
 * save; the others are told.
 */
export class SavedCheckpoint<Value extends object> {
  /** What was kept when it was opened. */
  readonly value: Value;
  readonly #engine: CheckpointDuty;
  readonly #environment: Environment;
  readonly #name: string;
  #revision: number;
  #saved: string;
  /** What may have been saved: no answer came. */
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

  /** The same, and whoever opened it before, and was frozen since, can save no more; `undefined` if somebody was faster. */
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

  /** Saves what `value` says, from now on. @param lost called if somebody else has saved it meanwhile; it is not saved again after that. */
  keep(value: () => Value, lost: () => void): void {
    this.#timer = this.#environment.setTimeout(() => {
      this.save(value()).then(
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
  save(value: Value): Promise<boolean> {
    const text = JSON.stringify(value);
    const saved = this.#saving.then(() => (text === this.#saved ? this.#isOurs() : this.#save(text)));
    this.#saving = saved.catch(() => {});
    return saved;
  }

  /** Saves it a last time. Says `false` if somebody else has saved it meanwhile. */
  async close(value: Value): Promise<boolean> {
    this.#environment.clearTimeout(this.#timer);
    this.#timer = undefined;
    // If it can't be saved now, whoever goes on does it again.
    return this.save(value).catch(() => true);
  }

  async #save(text: string): Promise<boolean> {
    const before = this.#tried;
    this.#tried = text;
    if (!(await this.#engine.saveCheckpoint(this.#name, this.#revision, text))) {
      // An earlier try, or this one, may have been saved and its answer lost.
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

/** How often what moves on is saved. Milliseconds. */
const SAVE_MS = 500;

/** Where it is kept, and what it waits by. */
export interface CheckpointParts {
  readonly engine: CheckpointDuty;
  readonly environment: Environment;
}
