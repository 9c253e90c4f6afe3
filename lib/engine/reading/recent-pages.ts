import type { EventRecord } from '../../kernel/values/index.js';
import type { StorePage } from '../duties/index.js';

/**
 * Keeps the newest pages that were read from the store. A page's content up to its `upTo` never changes, so a reader
 * that comes back to such a place gets it from here. Whether there is more, it asks the store, together with everyone
 * else.
 */
export class RecentPages {
  readonly #runs = new Map<string, Run>();

  /** @param question what the reader asks besides the place: the names. */
  pageAfter(question: string, after: number, limit: number): StorePage | undefined {
    const run = this.#runs.get(question);
    if (!run || after < run.after || after >= run.upTo) return undefined;
    const first = firstAfter(run.events, after);
    const events = run.events.slice(first, first + limit);
    const isCut = first + events.length < run.events.length;
    return { events, upTo: isCut ? (events.at(-1) as EventRecord).position : run.upTo, ended: false };
  }

  /** Keeps the newest page: one that continues what is here is added; one from further on replaces it. */
  add(question: string, after: number, { events, upTo }: StorePage): void {
    const known = this.#runs.get(question);
    if (upTo <= (known?.upTo ?? after)) return;
    const run = known && after <= known.upTo ? known : { after, upTo: after, events: [], length: 0 };
    for (const event of events) {
      if (event.position <= run.upTo) continue;
      run.events.push(event);
      run.length += lengthOf(event);
    }
    run.upTo = upTo;
    trim(run);
    this.#runs.delete(question);
    this.#runs.set(question, run);
    if (this.#runs.size <= QUESTIONS_MAX) return;
    const [oldest] = this.#runs.keys();
    this.#runs.delete(oldest as string);
  }

  clear(): void {
    this.#runs.clear();
  }
}

/** Most events kept for one question, and the most payload and metadata in them, in UTF-16 code units. */
const EVENTS_MAX = 1_000;
const LENGTH_MAX = 1024 * 1024;
/** Most questions of which pages are kept: the last ones asked. */
const QUESTIONS_MAX = 16;

/** All requested events with a position after `after` and up to `upTo`. */
interface Run {
  after: number;
  upTo: number;
  readonly events: EventRecord[];
  length: number;
}

/** Drops the oldest events. */
function trim(run: Run): void {
  let count = 0;
  while (run.events.length - count > EVENTS_MAX || run.length > LENGTH_MAX) {
    const event = run.events[count] as EventRecord;
    run.length -= lengthOf(event);
    run.after = event.position;
    count += 1;
  }
  if (count > 0) run.events.splice(0, count);
}

function lengthOf({ data, metadata }: EventRecord): number {
  return data.length + metadata.length;
}

/** Returns the index of the first event with a higher position. */
function firstAfter(events: readonly EventRecord[], position: number): number {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle] as EventRecord).position > position) high = middle;
    else low = middle + 1;
  }
  return low;
}
