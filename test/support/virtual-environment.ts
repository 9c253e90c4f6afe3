import { setImmediate as turn } from 'node:timers/promises';
import type { Environment, Timer } from '../../lib/engine/environment.js';

interface VirtualTimer extends Timer {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A machine whose time goes on by itself as soon as nothing is left to do: minutes pass in milliseconds, and the same random numbers give the same course. */
export class VirtualEnvironment implements Environment {
  readonly random: () => number;
  #nowMs = 0;
  #timers: VirtualTimer[] = [];
  #immediates: (() => void)[] = [];
  #order = 0;

  constructor(random: () => number) {
    this.random = random;
  }

  now(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  setTimeout(callback: () => void, ms: number): Timer {
    const timer: VirtualTimer = { atMs: this.#nowMs + ms, order: ++this.#order, callback, unref: () => timer };
    const at = this.#timers.findLastIndex((other) => other.atMs <= timer.atMs);
    this.#timers.splice(at + 1, 0, timer);
    return timer;
  }

  clearTimeout(timer: Timer | undefined): void {
    const at = this.#timers.indexOf(timer as VirtualTimer);
    if (at >= 0) this.#timers.splice(at, 1);
  }

  setImmediate(callback: () => void): void {
    this.#immediates.push(callback);
  }

  queueMicrotask(callback: () => void): void {
    queueMicrotask(callback);
  }

  uuid(): string {
    const hex = Array.from({ length: 32 }, () => Math.floor(this.random() * 16).toString(16)).join('');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  /** Lets time go on until this is settled. @throws if it is not within so many milliseconds of this time. */
  async until<T>(work: Promise<T>, withinMs: number): Promise<T> {
    const endMs = this.#nowMs + withinMs;
    let settled = false;
    const done = () => {
      settled = true;
    };
    work.then(done, done);
    for (;;) {
      await turn();
      if (settled) return work;
      if (this.#immediates.length > 0) {
        for (const callback of this.#immediates.splice(0)) callback();
        continue;
      }
      const next = this.#timers.shift();
      if (!next || next.atMs > endMs) throw new Error(`not settled after ${withinMs} ms of virtual time`);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
    }
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.setTimeout(resolve, ms));
  }
}
