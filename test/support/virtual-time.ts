import type { Environment, Timer } from '../../lib/engine/environment/environment.js';

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Where true time begins, as clocks that are right show it. */
export const VIRTUAL_START_MS = Date.parse('2026-01-01T00:00:00Z');

/** A turn of the event loop takes a moment: whoever waits turn by turn must come to an end. Milliseconds. */
const TURN_MS = 0.02;
/** Most things that are due while one stretch of time passes. */
const THINGS_MAX = 100_000;

// Taken when this is imported: a test may fake the globals.
const turn = setImmediate;

/** Time that passes from one thing that is due to the next, as fast as the machine can. */
export class VirtualTime {
  nowMs = 0;
  #order = 0;
  /** The first one last. */
  readonly #due: Due[] = [];

  after(ms: number, run: () => void): void {
    const due = { atMs: this.nowMs + Math.max(0, ms), order: (this.#order += 1), run };
    let [low, high] = [0, this.#due.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#due[middle] as Due;
      if (other.atMs > due.atMs || (other.atMs === due.atMs && other.order > due.order)) low = middle + 1;
      else high = middle;
    }
    this.#due.splice(low, 0, due);
  }

  /** Lets this much time pass, with all that is due in it. */
  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    let things = 0;
    for (let first = this.#due.at(-1); first && first.atMs <= endMs; first = this.#due.at(-1)) {
      if ((things += 1) > THINGS_MAX)
        throw new Error(`too much happens in ${ms} ms: something is done over and over again`);
      this.#due.pop();
      this.nowMs = first.atMs;
      first.run();
      // All promises that follow from it.
      await new Promise<void>((resolve) => turn(resolve));
    }
    this.nowMs = endMs;
  }
}

/** A machine in virtual time: with a clock that may be set, and that can be frozen, thawed and destroyed. */
export class VirtualMachine implements Environment {
  /** How far its clock is ahead of true time. */
  aheadMs = 0;
  isFrozen = false;
  isDead = false;
  readonly #time: VirtualTime;
  readonly #random: () => number;
  readonly #bootedMs: number;
  #held: (() => void)[] = [];
  #ids = 0;

  constructor(
    readonly name: string,
    time: VirtualTime,
    random: () => number,
  ) {
    this.#time = time;
    this.#random = random;
    this.#bootedMs = Math.floor(random() * 1e7);
  }

  get runs(): boolean {
    return !this.isFrozen && !this.isDead;
  }

  now(): number {
    return VIRTUAL_START_MS + Math.floor(this.#time.nowMs + this.aheadMs);
  }

  monotonicMs(): number {
    return this.#time.nowMs + this.#bootedMs;
  }

  setTimeout(callback: () => void, ms: number): Timer {
    const timer = { isOver: false, unref: () => timer };
    this.#time.after(Math.max(1, ms) + this.#random(), () => {
      this.run(() => {
        if (!timer.isOver) callback();
      });
    });
    return timer;
  }

  clearTimeout(timer: Timer | undefined): void {
    if (timer) (timer as Timer & { isOver: boolean }).isOver = true;
  }

  setImmediate(callback: () => void): void {
    this.#time.after(TURN_MS, () => this.run(callback));
  }

  queueMicrotask(callback: () => void): void {
    queueMicrotask(callback);
  }

  // Some take this alone.
  readonly random = (): number => this.#random();

  keepAlive(): () => void {
    return () => {};
  }

  uuid(): string {
    this.#ids += 1;
    return `${this.name}-${this.#ids}`;
  }

  /** Runs it here: now, when the machine is thawed, or never. */
  run(callback: () => void): void {
    if (this.isDead) return;
    if (this.isFrozen) this.#held.push(callback);
    else callback();
  }

  thaw(): void {
    this.isFrozen = false;
    for (const callback of this.#held.splice(0)) this.#time.after(0, () => this.run(callback));
  }
}
