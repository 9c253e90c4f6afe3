import { detached, type Environment, SYSTEM, type Timer } from '../../../engine/environment/index.js';
import type { ScheduledCall } from './scheduled-call.js';
import type { SeededRandom } from './seeded-random.js';
import type { SimulatedProcess } from './simulated-process.js';
import type { VirtualTime } from './virtual-time.js';

/** The environment of one process: virtual time, a clock that a fault may set, randomness from the seed. */
export class SimulatedEnvironment implements Environment {
  readonly #time: VirtualTime;
  readonly #process: SimulatedProcess;
  readonly #random: SeededRandom;
  /** Turns of the event loop since the last timer was called. */
  #turns = 0;

  constructor(time: VirtualTime, process: SimulatedProcess, random: SeededRandom) {
    this.#time = time;
    this.#process = process;
    this.#random = random;
  }

  now(): number {
    return Math.floor(BEGINNING_MS + this.#time.nowMs + this.#process.clockOffsetMs);
  }

  monotonicMs(): number {
    return this.#process.monotonicStartMs + this.#time.nowMs;
  }

  setTimeout(callback: () => void, ms: number): Timer {
    const waitMs = ms >= 1 && ms <= TIMER_MS_MAX ? ms : 1;
    const run = inNobodysContext(callback);
    const call = this.#time.after(
      waitMs + this.#random.next(),
      () => {
        this.#turns = 0;
        run();
      },
      this.#process,
    );
    return new SimulatedTimer(call);
  }

  clearTimeout(timer: Timer | undefined): void {
    if (timer instanceof SimulatedTimer) timer.cancel();
  }

  setImmediate(callback: () => void): void {
    this.#turns += 1;
    this.#time.after(this.#turns > TURNS_MAX ? WAITING_TURN_MS : TURN_MS, inNobodysContext(callback), this.#process);
  }

  queueMicrotask(callback: () => void): void {
    SYSTEM.queueMicrotask(callback);
  }

  keepAlive(): () => void {
    return () => {};
  }

  /** A property, because some take it without the object that it belongs to. */
  readonly random = (): number => this.#random.next();

  uuid(): string {
    return this.#random.uuid();
  }
}

/** The true time at the beginning of a simulation. Milliseconds since 1970. */
export const BEGINNING_MS = Date.UTC(2024, 1, 29, 12);

/** How long one turn of the event loop takes. Milliseconds. */
const TURN_MS = 0.02;
/** After so many turns in a row without a timer, a process waits for something, and its turns take longer. */
const TURNS_MAX = 50;
const WAITING_TURN_MS = 1;
/** Longest delay of a timer. Node replaces longer ones by 1. Milliseconds. */
const TIMER_MS_MAX = 2 ** 31 - 1;

class SimulatedTimer implements Timer {
  readonly #call: ScheduledCall;

  constructor(call: ScheduledCall) {
    this.#call = call;
  }

  unref(): Timer {
    return this;
  }

  cancel(): void {
    this.#call.isCancelled = true;
  }
}

/** Returns a callback in the context of no caller, as the real environment does. */
function inNobodysContext(callback: () => void): () => void {
  return () => detached(callback);
}
