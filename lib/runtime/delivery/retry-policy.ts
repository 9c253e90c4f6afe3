import { backoffIn, type Environment } from '../../engine/environment/index.js';
import type { OnFailure } from '../../kernel/declaring/index.js';
import { isOutage, isTransient } from './transient-failures.js';

/**
 * Tries tasks again after growing waits, and parks what fails too often. Use one instance for each queue: while one
 * task waits, the queue waits.
 */
export class RetryPolicy {
  /** Whether it waits for the next try. */
  waiting = false;
  readonly #environment: Environment;
  #stopped = false;
  #cancelWait: () => void = () => {};

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /**
   * Runs a task until it works or is parked.
   *
   * @param tries how often it failed already; `error` is the last failure.
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
    this.#cancelWait();
  }

  /** Waits this many milliseconds. @throws RETRIES_STOPPED when it is stopped meanwhile. */
  async rest(ms: number): Promise<void> {
    this.waiting = true;
    await new Promise<void>((resolve) => {
      const timer = this.#environment.setTimeout(resolve, ms).unref();
      this.#cancelWait = () => {
        this.#environment.clearTimeout(timer);
        resolve();
      };
      if (this.#stopped) this.#cancelWait();
    });
    this.waiting = false;
    if (this.#stopped) throw RETRIES_STOPPED;
  }
}

/** The first and the longest wait after a failure. Milliseconds. */
const TRY_AGAIN_MS_MIN = 100;
const TRY_AGAIN_MS_MAX = 10_000;
/** How many transient failures do not count as tries. Failures of a store that cannot be reached never count. */
const TRANSIENT_TRIES_MAX = 100;

/** A task that is tried until it works or is parked. */
export interface RetriedTask {
  readonly triesMax: number;
  readonly onFailure: OnFailure;
  run(): Promise<unknown>;
  /** Parks it. */
  park(error: unknown, tries: number): Promise<unknown>;
  /** Gets every failure. */
  failed(error: unknown, tries: number): void;
}

/** Thrown when the node or the activation ends during a wait. */
export const RETRIES_STOPPED = new Error('given up because this node or activation ends');
