import type { Environment } from './environment.js';
import { SYSTEM } from './system-environment.js';

/**
 * Growing waits between tries. Each wait is twice the last, up to a limit. A random part, up to half, is taken off, so
 * that nodes that failed together do not come back together. This is "full jitter" halved (Brooker, "Exponential
 * Backoff and Jitter", AWS Architecture Blog, 2015).
 */
export class Backoff {
  #nextMs: number;

  constructor(
    private readonly minMs = BACKOFF_MS_MIN,
    private readonly maxMs = BACKOFF_MS_MAX,
    private readonly random: () => number = SYSTEM.random,
  ) {
    this.#nextMs = minMs;
  }

  /** Returns how long to wait now, in milliseconds. */
  nextMs(): number {
    const wholeMs = this.#nextMs;
    this.#nextMs = Math.min(wholeMs * 2, this.maxMs);
    return wholeMs * (0.5 + this.random() / 2);
  }

  /** Starts with short waits again, after a success. */
  reset(): void {
    this.#nextMs = this.minMs;
  }
}

/** The first wait after a failure, before the random part is taken off. Milliseconds. */
export const BACKOFF_MS_MIN = 10;
/** The longest wait between two tries. Milliseconds. */
export const BACKOFF_MS_MAX = 2_000;

/**
 * Creates the growing waits of a node.
 *
 * @param minMs default `BACKOFF_MS_MIN`.
 * @param maxMs default `BACKOFF_MS_MAX`.
 */
export function backoffIn({ random }: Environment, minMs?: number, maxMs?: number): Backoff {
  return new Backoff(minMs, maxMs, random);
}
