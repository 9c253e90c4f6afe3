import type { Environment } from './environment.js';

/**
 * Shares the event loop among all work that goes through many events: loads, replays, sweeps (cooperative scheduling).
 * Each does a piece and waits for its turn. In one turn of the loop, as many of them continue as fit into a slice, in
 * order of arrival; the others continue in the next. Those who follow the store wait for a turn after every page
 * instead, all for the same one, because they share what is read in it.
 */
export class TimeSlices {
  readonly #environment: Environment;
  #waiting: (() => void)[] = [];
  /** How many at the head of `#waiting` have already continued. */
  #resumed = 0;
  #startedMs: number;
  #events = 0;
  /** The calls scheduled for the next turn of the event loop. Every turn has another object. */
  #next: { calls: number } = { calls: 0 };

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#startedMs = environment.monotonicMs();
  }

  /** Counts events that are about to be handled. */
  use(events: number): void {
    this.#events += events;
  }

  /**
   * Whether it is time to wait for a turn of the event loop. It is also true after idle time: a turn costs next to
   * nothing then.
   */
  get isOver(): boolean {
    return this.#events >= SLICE_EVENTS_MAX || this.isTimeUp;
  }

  /** The same in the middle of a page, whose events are already counted. */
  get isTimeUp(): boolean {
    return this.#environment.monotonicMs() - this.#startedMs >= SLICE_MS;
  }

  /** Resolves in a later turn of the event loop: after timers and sockets, and after those who waited before. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#callNext();
    });
  }

  #callNext(): void {
    const next = this.#next;
    if (next.calls >= Math.min(this.#waiting.length - this.#resumed, CALLS_PER_TURN_MAX)) return;
    next.calls += 1;
    this.#environment.setImmediate(() => this.#called(next));
  }

  /** Lets one continue. It does its piece before the next call of the same turn. */
  #called(turn: { calls: number }): void {
    if (turn === this.#next) {
      this.#next = { calls: 0 };
      this.#startedMs = this.#environment.monotonicMs();
      this.#events = 0;
    }
    if (!this.isOver) this.#resumeOne();
    this.#callNext();
  }

  #resumeOne(): void {
    const first = this.#waiting[this.#resumed];
    this.#resumed += 1;
    // Only now and then, because removing the first element moves all others.
    if (this.#resumed >= this.#waiting.length || this.#resumed > RESUMED_MAX) {
      this.#waiting = this.#waiting.slice(this.#resumed);
      this.#resumed = 0;
    }
    first?.();
  }
}

/** How long interruptible work goes on before timers and sockets have their turn. Milliseconds. */
export const SLICE_MS = 10;
/** Most events handled in one slice, however fast. A piece that has begun is not interrupted. */
export const SLICE_EVENTS_MAX = 1_000;
/** Most waiting callers that are called in one turn of the event loop. */
const CALLS_PER_TURN_MAX = 64;
/** Most entries that stay in the queue after they have continued. */
const RESUMED_MAX = 1_000;

/**
 * The time slice of work that usually waits for others. It gives up its turn only after it has run for long without
 * waiting.
 */
export class TimeSlice {
  readonly #environment: Environment;
  #beganMs: number;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#beganMs = environment.monotonicMs();
  }

  get isUsedUp(): boolean {
    return this.#environment.monotonicMs() - this.#beganMs >= SLICE_MS;
  }

  async turn(): Promise<void> {
    await timeSlicesOf(this.#environment).turn();
    this.#beganMs = this.#environment.monotonicMs();
  }
}

const slices = new WeakMap<Environment, TimeSlices>();

/**
 * Returns the time slices of this node. Nodes of one process on one machine share an event loop, and so share these.
 */
export function timeSlicesOf(environment: Environment): TimeSlices {
  const known = slices.get(environment);
  if (known) return known;
  const made = new TimeSlices(environment);
  slices.set(environment, made);
  return made;
}
