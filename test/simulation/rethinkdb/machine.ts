import type { Environment, Timer } from '../../../lib/engine/environment/environment.js';
import { SYSTEM } from '../../../lib/engine/environment/system-environment.js';
import type { Chance } from './chance.js';
import type { Call, VirtualTime } from './virtual-time.js';

/** How long one turn of the event loop takes. Milliseconds. */
const TURN_MS = 0.02;

/** What one node takes for the machine: virtual time, and chance from the seed. It may be killed or frozen. */
export class Machine implements Environment {
  readonly name: string;
  isDead = false;
  readonly #time: VirtualTime;
  readonly #chance: Chance;
  #held: (() => void)[] | undefined;

  constructor(name: string, time: VirtualTime, chance: Chance) {
    this.name = name;
    this.#time = time;
    this.#chance = chance;
  }

  /** Does this here: never if it is dead, later if it is frozen. */
  do(work: () => void): void {
    if (this.isDead) return;
    if (this.#held) this.#held.push(work);
    else work();
  }

  freeze(): void {
    this.#held ??= [];
  }

  thaw(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const work of held) this.#time.after(0, () => this.do(work));
  }

  now(): number {
    return Math.floor(1_700_000_000_000 + this.#time.nowMs);
  }

  keepAlive(): () => void {
    return () => {};
  }

  monotonicMs(): number {
    return this.#time.nowMs;
  }

  setTimeout(callback: () => void, ms: number): Timer {
    return new MachineTimer(this.#later(Math.max(1, ms) + this.#chance.next(), callback));
  }

  clearTimeout(timer: Timer | undefined): void {
    if (timer instanceof MachineTimer) timer.cancel();
  }

  setImmediate(callback: () => void): void {
    this.#later(TURN_MS, callback);
  }

  queueMicrotask(callback: () => void): void {
    SYSTEM.queueMicrotask(callback);
  }

  /** Waits that grow take it off the rest. */
  readonly random = (): number => this.#chance.next();

  uuid(): string {
    return this.#chance.uuid();
  }

  #later(ms: number, callback: () => void): Call {
    const call = this.#time.after(ms, () =>
      this.do(() => {
        if (!call.isCancelled) callback();
      }),
    );
    return call;
  }
}

class MachineTimer implements Timer {
  readonly #call: Call;

  constructor(call: Call) {
    this.#call = call;
  }

  unref(): Timer {
    return this;
  }

  cancel(): void {
    this.#call.isCancelled = true;
  }
}
