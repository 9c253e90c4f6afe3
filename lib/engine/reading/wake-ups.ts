import type { EventRecord } from '../../kernel/values/index.js';

/**
 * Remembers whether there may be something that no read has shown yet. The rule for every reader that is woken: **a
 * read answers for the wake-ups before it began, and for none that come while it is under way.** So a reader that is
 * woken during a read reads once more, even if the read found nothing. A wake-up that comes while no read is possible
 * (other work is under way, a retry waits, reading has not begun) stays remembered.
 *
 * Call `beginRead()` before each read, and `reachedEnd()` if that read showed that nothing was left. A read that
 * failed, or gave only a part, answers for nothing.
 */
export class WakeUps {
  /** The highest place that wake-ups named before the last read began, and since. */
  #before = 0;
  #since = 0;

  /** Remembers that there may be something up to this place (a version or a position); without one, up to anywhere. */
  hear(place = Number.POSITIVE_INFINITY): void {
    if (place > this.#since) this.#since = place;
  }

  /**
   * Remembers a wake-up, with the events that it brought.
   *
   * @param placeOf version or position of an event; 0 if not known yet.
   */
  hearOf(hint: readonly EventRecord[], placeOf: (event: EventRecord) => number): void {
    if (hint.length === 0) this.hear();
    for (const event of hint) this.hear(placeOf(event) || undefined);
  }

  /** To be called before the engine is asked. */
  beginRead(): void {
    if (this.#since > this.#before) this.#before = this.#since;
    this.#since = 0;
  }

  /**
   * The last read found the end. An event that was named before it and is not visible yet causes another wake-up when
   * it is.
   */
  reachedEnd(): void {
    this.#before = 0;
  }

  /** Whether a reader that has everything up to `place` has to read. */
  isDue(place: number): boolean {
    return this.#before > place || this.#since > place;
  }
}
