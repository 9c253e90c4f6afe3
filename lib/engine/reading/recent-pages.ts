import type { EventRecord } from '../../kernel/values/event.js';
import type { StorePage } from '../duties/read.js';

/**
 * The newest pages of the store that were read. What a page holds up to its `upTo` never changes, so whoever comes back to a place in them gets what follows
 * from here; whether there is more they ask with everybody else.
 */
export class RecentPages {
  readonly #runs = new Map<string, Run>();

  /** @param question what else than the place was asked: the names. */
  pageAfter(question: string, after: number, limit: number): StorePage | undefined {
    const run = this.#runs.get(question);
    if (!run || after < run.after || after >= run.upTo) return undefined;
    const first = firstAfter(run.events, after);
    const events = run.events.slice(first, first + limit);
    const isCut = first + events.length < run.events.length;
    return { events, upTo: isCut ? (events.at(-1) as EventRecord).position : run.upTo, ended: false };
  }

  /** Keeps what is newest: a page that continues what is here is added to it, one from further on replaces it. */
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

/** Most events kept for one question, and their payload and metadata in UTF-16 code units. */
const EVENTS_MAX = 1_000;
const LENGTH_MAX = 1024 * 1024;
/** Most questions of which pages are kept: those asked last. */
const QUESTIONS_MAX = 16;

/** All events that were asked for with a position after `after` and up to `upTo`. */
interface Run {
  after: number;
  upTo: number;
  readonly events: EventRecord[];
  length: number;
}

/** Drops what is oldest. */
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

/** Where those begin that have a higher position. */
function firstAfter(events: readonly EventRecord[], position: number): number {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle] as EventRecord).position > position) high = middle;
    else low = middle + 1;
  }
  return low;
}
