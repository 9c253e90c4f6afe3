import { type Environment, type Timer, type TimeSlices, timeSlicesOf } from '../../engine/environment/index.js';
import type { Activation } from './activation.js';

/**
 * All activations of a node. It passivates those that were idle too long and, when there are too many, the least
 * recently used. One timer serves all; each activation costs one entry here.
 */
export class Residents {
  /** In order of last known use. An activation that was used when it was checked moves to the end. */
  readonly #idleSince = new Map<Activation, { host: ResidentHost; lastUsedMs: number }>();
  readonly #unsettled = new Set<Activation>();
  readonly #environment: Environment;
  readonly #slices: TimeSlices;
  readonly #residentMax: number;
  readonly #commitTimeoutMs: number;
  /** Those that run `onPassivate`. */
  readonly #leaving = new Set<Activation>();
  #passivateAfterMsMin = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  #sweeping = false;
  #closed = false;

  constructor(limits: { residentMax: number; commitTimeoutMs: number }, environment: Environment) {
    this.#environment = environment;
    this.#slices = timeSlicesOf(environment);
    this.#residentMax = limits.residentMax;
    this.#commitTimeoutMs = limits.commitTimeoutMs;
  }

  get size(): number {
    return this.#idleSince.size;
  }

  add(activation: Activation, host: ResidentHost): void {
    this.#idleSince.set(activation, { host, lastUsedMs: this.#environment.monotonicMs() });
    this.#passivateAfterMsMin = Math.min(this.#passivateAfterMsMin, host.passivateAfterMs);
    this.#sweepEvery(Math.min(host.passivateAfterMs, this.#commitTimeoutMs) / 4);
    this.#makeRoom(LOOKS_FOR_ROOM_MAX);
  }

  remove(activation: Activation): void {
    this.#idleSince.delete(activation);
    this.#leaving.delete(activation);
    this.#unsettled.delete(activation);
  }

  /**
   * It has callers that wait. Their deadlines are watched until it has settled. It may still be loading, and may be the
   * first of all.
   */
  busy(activation: Activation): void {
    this.#unsettled.add(activation);
    this.#sweepEvery(this.#commitTimeoutMs / 4);
  }

  /** Whether none has work any more. Each that has settled is checked only once. */
  get isSettled(): boolean {
    for (const activation of this.#unsettled) {
      if (activation.alive && !activation.settled) return false;
      this.#unsettled.delete(activation);
    }
    return true;
  }

  /** Activations that still have work. */
  unsettled(): Activation[] {
    return [...this.#unsettled].filter((activation) => activation.alive && !activation.settled);
  }

  /** All that are loaded. */
  all(): Activation[] {
    return [...this.#idleSince.keys()];
  }

  close(): void {
    this.#environment.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerMs = 0;
    this.#closed = true;
  }

  /**
   * Passivates the least recently used idle ones. Busy ones stay, so there can be more than `residentMax` while all are
   * at work.
   */
  #makeRoom(looksMax: number): void {
    if (this.#idleSince.size <= this.#residentMax) return;
    let toLookAt = Math.min(this.#idleSince.size, looksMax);
    for (const [activation, entry] of this.#idleSince) {
      if (this.#idleSince.size - this.#leaving.size <= this.#residentMax || toLookAt-- === 0) return;
      if (activation.used || !activation.idle) this.#moveToEnd(activation, entry);
      else this.#passivate(activation, entry.host);
    }
  }

  /** However many there are, the sweep does not block the event loop. */
  async #sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    try {
      await this.#tellLate();
      await this.#letIdleGo();
    } finally {
      this.#sweeping = false;
    }
  }

  async #tellLate(): Promise<void> {
    for (const activation of this.#unsettled) {
      if (this.#slices.isTimeUp) await this.#slices.turn();
      if (activation.settled) this.#unsettled.delete(activation);
      else activation.timeOut(this.#environment.monotonicMs());
    }
  }

  async #letIdleGo(): Promise<void> {
    this.#makeRoom(LOOKS_FOR_ROOM_MAX);
    for (const [activation, entry] of this.#idleSince) {
      if (this.#slices.isTimeUp) await this.#slices.turn();
      if (this.#closed) return;
      // It may have been passivated during that turn.
      if (this.#idleSince.get(activation) !== entry) continue;
      const idleMs = this.#environment.monotonicMs() - entry.lastUsedMs;
      if (activation.used) this.#moveToEnd(activation, entry);
      // All that follow were checked even later.
      else if (idleMs < this.#passivateAfterMsMin) return;
      else if (idleMs >= entry.host.passivateAfterMs && activation.idle) this.#passivate(activation, entry.host);
    }
  }

  #passivate(activation: Activation, host: ResidentHost): void {
    this.#leaving.add(activation);
    void host.passivate(activation).finally(() => this.#leaving.delete(activation));
  }

  #moveToEnd(activation: Activation, entry: { host: ResidentHost; lastUsedMs: number }): void {
    // It may have ended while the sweep waited for its turn. Then it was removed for good.
    if (!this.#idleSince.delete(activation)) return;
    activation.used = false;
    entry.lastUsedMs = this.#environment.monotonicMs();
    this.#idleSince.set(activation, entry);
  }

  /** The timer never keeps the process alive. */
  #sweepEvery(wantedMs: number): void {
    const everyMs = Math.min(Math.max(wantedMs, SWEEP_MS_MIN), SWEEP_MS_MAX);
    if (everyMs >= this.#timerMs) return;
    this.#environment.clearTimeout(this.#timer);
    this.#timerMs = everyMs;
    this.#sweepLater();
  }

  #sweepLater(): void {
    const sweep = () => {
      this.#sweepLater();
      void this.#sweep();
    };
    this.#timer = this.#environment.setTimeout(sweep, this.#timerMs).unref();
  }
}

/**
 * How often idle activations and overdue commits are looked for: at a fraction of the shortest relevant time, within
 * these bounds. Milliseconds.
 */
const SWEEP_MS_MIN = 10;
const SWEEP_MS_MAX = 1_000;

/** How many are checked at most to make room for one more. The sweep checks the others. */
const LOOKS_FOR_ROOM_MAX = 64;

/** What `Residents` needs of an activation's host. */
export interface ResidentHost {
  readonly passivateAfterMs: number;
  /** Runs `onPassivate`, and ends the activation unless it was used meanwhile. */
  passivate(activation: Activation): Promise<void>;
}
