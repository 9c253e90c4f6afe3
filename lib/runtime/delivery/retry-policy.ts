import { backoffIn } from '../../engine/environment/backoff.js';
import type { Environment } from '../../engine/environment/environment.js';
import type { OnFailure } from '../../kernel/declaring/marks.js';
import { isOutage, isTransient } from './transient-failures.js';

/**
 * Tries tasks again after growing waits, and parks what fails too often. One instance a queue: while one task waits the queue does.
 */
export class RetryPolicy {
  /** Whether it waits to try again. */
  waiting = false;
  readonly #environment: Environment;
  #stopped = false;
  #wake: () => void = () => {};

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /**
   * @param tries how often it was tried in vain already, with the last error.
   * @throws RETRIES_STOPPED when it is stopped meanwhile.
   */
  async run(task: RetriedTask, tries = 0, error?: unknown): Promise<'done' | 'parked'> {
    const backoff = backoffIn(this.#environment, TRY_AGAIN_MS_MIN, TRY_AGAIN_MS_MAX);
    let failures = tries;
    let transient = 0;
    let last = error;
    const mayPark = () => task.onFailure === 'park' && failures >= task.triesMax;
    if (tries > 0 && !mayPark()) await this.rest(backoff.nextMs());
    for (;;) {
      const isParking = mayPark();
      try {
        await (isParking ? task.park(last, failures) : task.run());
        return isParking ? 'parked' : 'done';
      } catch (thrown) {
        if (this.#stopped) throw RETRIES_STOPPED;
        if (!isOutage(thrown)) {
          if (isTransient(thrown) && transient < TRANSIENT_TRIES_MAX) transient += 1;
          else if (!isParking) failures += 1;
        }
        if (!isParking) last = thrown;
        task.failed(thrown, failures);
      }
      await this.rest(backoff.nextMs());
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  /** Waits. @throws RETRIES_STOPPED when it is stopped meanwhile. */
  async rest(ms: number): Promise<void> {
    this.waiting = true;
    await new Promise<void>((resolve) => {
      const timer = this.#environment.setTimeout(resolve, ms).unref();
      this.#wake = () => {
        this.#environment.clearTimeout(timer);
        resolve();
      };
      if (this.#stopped) this.#wake();
    });
    this.waiting = false;
    if (this.#stopped) throw RETRIES_STOPPED;
  }
}

/** First wait after a failure, and the longest. Milliseconds. */
const TRY_AGAIN_MS_MIN = 100;
const TRY_AGAIN_MS_MAX = 10_000;
/** Failures that would go by themselves are not counted, up to so many; those of a store that can't be reached never are. */
const TRANSIENT_TRIES_MAX = 100;

/** Something that is tried until it works or is put aside. */
export interface RetriedTask {
  readonly triesMax: number;
  readonly onFailure: OnFailure;
  run(): Promise<unknown>;
  /** Puts it aside. */
  park(error: unknown, tries: number): Promise<unknown>;
  /** Hears of every failure. */
  failed(error: unknown, tries: number): void;
}

/** Thrown out of waiting when the node or the activation goes. */
export const RETRIES_STOPPED = new Error('given up because this node or activation ends');
