import type { EventRecord } from '../../kernel/values/event.js';

/**
 * Remembers whether there may be something that no read has shown. The rule, for everybody who reads when woken: **a read answers for what was heard before
 * it began, and for nothing that is heard while it is under way.** So whoever is woken during a read reads once more after it, also if it found nothing;
 * and what is heard while nobody may read (something else is under way, a retry waits, it has not begun) stays heard.
 *
 * Whoever uses it calls `beginRead()` before each read, and `reachedEnd()` when that read showed that nothing was left. A read that failed, or gave only a
 * part, answers for nothing.
 */
export class WakeUps {
  /** The highest place heard of before the last read began, and since. */
  #before = 0;
  #since = 0;

  /** There is something up to this place (a version or a position), or nobody knows up to where. */
  hear(place = Number.POSITIVE_INFINITY): void {
    if (place > this.#since) this.#since = place;
  }

  /** What a wake-up brought: it says how far its last event goes, or nothing. @param placeOf 0 where it is not known yet. */
  hearOf(hint: readonly EventRecord[], placeOf: (event: EventRecord) => number): void {
    if (hint.length === 0) this.hear();
    for (const event of hint) this.hear(placeOf(event) || undefined);
  }

  /** Before the engine is asked. */
  beginRead(): void {
    if (this.#since > this.#before) this.#before = this.#since;
    this.#since = 0;
  }

  /** The read that began last found the end: what was heard of before it and is not there yet wakes again when it is. */
  reachedEnd(): void {
    this.#before = 0;
  }

  /** Whether somebody who has everything up to `place` has to read. */
  isDue(place: number): boolean {
    return this.#before > place || this.#since > place;
  }
}
