import type { Environment } from './environment.js';

/**
 * Shares out the event loop among all that work through many events at the same time: loads, replays, sweeps. Each does a piece and waits for its turn; in one
 * turn of the loop as many of them go on as fit in a slice, in the order in which they came, and the others in the next. (Cooperative scheduling.) Those who
 * follow the store wait for a turn after every page instead, all for the same one, because they share what is read in it.
 */
export class TimeSlices {
  readonly #environment: Environment;
  #waiting: (() => void)[] = [];
  /** How many of those have gone on. */
  #gone = 0;
  #startedMs: number;
  #events = 0;
  /** Calls that come in the next turn of the event loop; another object in each. */
  #next: { calls: number } = { calls: 0 };

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#startedMs = environment.monotonicMs();
  }

  /** So many events are about to be handled. */
  use(events: number): void {
    this.#events += events;
  }

  /** Whether it is time to wait for a turn of the event loop. Says so too when all have been idle meanwhile: a turn costs next to nothing then. */
  get isOver(): boolean {
    return this.#events >= SLICE_EVENTS_MAX || this.isTimeUp;
  }

  /** The same in the middle of a page, whose events are counted already. */
  get isTimeUp(): boolean {
    return this.#environment.monotonicMs() - this.#startedMs >= SLICE_MS;
  }

  /** Resolves in a later turn of the event loop: timers and sockets come first, and so does whoever waited before. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#callNext();
    });
  }

  #callNext(): void {
    const next = this.#next;
    if (next.calls >= Math.min(this.#waiting.length - this.#gone, CALLS_PER_TURN_MAX)) return;
    next.calls += 1;
    this.#environment.setImmediate(() => this.#called(next));
  }

  /** Between two calls of one turn of the loop, what the first one let go on does its piece. */
  #called(turn: { calls: number }): void {
    if (turn === this.#next) {
      this.#next = { calls: 0 };
      this.#startedMs = this.#environment.monotonicMs();
      this.#events = 0;
    }
    if (!this.isOver) this.#letOneGoOn();
    this.#callNext();
  }

  #letOneGoOn(): void {
    const first = this.#waiting[this.#gone];
    this.#gone += 1;
    // Now and then: to take the first of many from an array moves all others.
    if (this.#gone >= this.#waiting.length || this.#gone > GONE_MAX) {
      this.#waiting = this.#waiting.slice(this.#gone);
      this.#gone = 0;
    }
    first?.();
  }
}

/** How long work that can be interrupted goes on before timers and sockets have their turn. Milliseconds. */
export const SLICE_MS = 10;
/** Most events that are handled in one slice, however quickly; what is begun is not interrupted. */
export const SLICE_EVENTS_MAX = 1_000;
/** Most who wait that are called in one turn of the event loop. */
const CALLS_PER_TURN_MAX = 64;
/** Most that stay in the queue after they have gone on. */
const GONE_MAX = 1_000;

/** Work of one who waits for others most of the time, and now and then for nobody: it gives up its turn only if it has gone on for long by itself. */
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

/** Those of this node; nodes of one process on one machine share one event loop, and so these. */
export function timeSlicesOf(environment: Environment): TimeSlices {
  const known = slices.get(environment);
  if (known) return known;
  const made = new TimeSlices(environment);
  slices.set(environment, made);
  return made;
}
