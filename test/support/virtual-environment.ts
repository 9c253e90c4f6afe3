import { setImmediate } from 'node:timers';
import type { Environment, Timer } from '../../lib/engine/environment/environment.js';
import { randomFrom } from './seed.js';

interface Due {
  readonly atMs: number;
  readonly number: number;
  readonly call: () => void;
}

/** Time that passes only when a spec lets it, in which everything happens in the order that a seed gives. */
export class VirtualEnvironment implements Environment {
  readonly random: () => number;
  #nowMs = 0;
  #number = 0;
  readonly #due = new Map<number, Due>();

  constructor(seed: number) {
    this.random = randomFrom(seed);
  }

  now(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  setTimeout(call: () => void, ms: number): Timer {
    return this.#add(call, ms);
  }

  clearTimeout(timer: Timer | undefined): void {
    if (timer) this.#due.delete((timer as Timer & { number: number }).number);
  }

  setImmediate(call: () => void): void {
    this.#add(call, 0);
  }

  keepAlive(): () => void {
    return () => {};
  }

  queueMicrotask(call: () => void): void {
    queueMicrotask(call);
  }

  uuid(): string {
    return `id-${(this.#number += 1)}`;
  }

  /** Resolves after so many milliseconds of this time. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#add(resolve, ms));
  }

  /** Lets time pass until nothing is left to happen, or `isOver`. */
  async run(isOver: () => boolean = () => false): Promise<void> {
    for (;;) {
      // Whatever needs no time has happened after this: a chain of promises ends before the next turn of the real event loop.
      await new Promise((resolve) => setImmediate(resolve));
      if (isOver()) return;
      let next: Due | undefined;
      for (const due of this.#due.values()) {
        if (!next || due.atMs < next.atMs || (due.atMs === next.atMs && due.number < next.number)) next = due;
      }
      if (!next) return;
      this.#due.delete(next.number);
      this.#nowMs = next.atMs;
      next.call();
    }
  }

  #add(call: () => void, ms: number): Timer & { number: number } {
    const number = (this.#number += 1);
    this.#due.set(number, { atMs: this.#nowMs + Math.max(0, ms), number, call });
    const timer = { number, unref: () => timer };
    return timer;
  }
}
