import type { Environment } from './environment.js';
import { SYSTEM } from './system-environment.js';

/**
 * Growing waits: each is twice the last, up to a limit, of which a random half is taken off so that nodes which failed together do not come
 * back together ("full jitter" halved; Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015).
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

  /** How long to wait now, in milliseconds. */
  nextMs(): number {
    const wholeMs = this.#nextMs;
    this.#nextMs = Math.min(wholeMs * 2, this.maxMs);
    return wholeMs * (0.5 + this.random() / 2);
  }

  /** It worked: the next failure waits shortly again. */
  reset(): void {
    this.#nextMs = this.minMs;
  }
}

/** First wait after a failure, before the random part. */
export const BACKOFF_MS_MIN = 10;
/** Longest wait between two tries. */
export const BACKOFF_MS_MAX = 2_000;

/** Growing waits of a node. */
export function backoffIn({ random }: Environment, minMs?: number, maxMs?: number): Backoff {
  return new Backoff(minMs, maxMs, random);
}
