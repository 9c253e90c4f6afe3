import type { Chance } from './chance.js';
import type { Document } from './terms.js';
import type { VirtualTime } from './virtual-time.js';

/**
 * A changefeed: it tells of what its primary has, also of what is rolled back later; keeps the order of one document's changes only; may drop some, and
 * say so; may be lost without a word when the primary changes.
 */
export class Feed {
  /** Told of each change, or of an error in its place. */
  tell: (item: unknown) => void = () => {};
  /** Told if it ends with an error. */
  ended: () => void = () => {};
  readonly #time: VirtualTime;
  readonly #chance: Chance;
  readonly #wants: (document: Document) => boolean;
  readonly #delays: () => number;
  readonly #lastAtMs = new Map<string | number, number>();
  #isOver = false;

  constructor(time: VirtualTime, chance: Chance, wants: (document: Document) => boolean, delays: () => number) {
    this.#time = time;
    this.#chance = chance;
    this.#wants = wants;
    this.#delays = delays;
  }

  changed(key: string | number, old: Document | null, next: Document | null): void {
    const oldVal = old && this.#wants(old) ? old : null;
    const newVal = next && this.#wants(next) ? next : null;
    if (this.#isOver || (!oldVal && !newVal)) return;
    const isDropped = this.#chance.in(0.01);
    const item = isDropped
      ? { error: 'Changefeed cache over array size limit, skipped 1 elements.' }
      : { old_val: oldVal, new_val: newVal };
    const atMs = Math.max(this.#time.nowMs + this.#delays(), this.#lastAtMs.get(key) ?? 0);
    this.#lastAtMs.set(key, atMs);
    this.#time.after(atMs - this.#time.nowMs, () => {
      if (!this.#isOver) this.tell(item);
    });
  }

  /** Its primary is none any more: it ends with an error, or in silence. */
  orphaned(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#chance.in(0.5)) this.#time.after(this.#chance.between(0, 500), () => this.ended());
  }

  close(): void {
    this.#isOver = true;
  }
}
