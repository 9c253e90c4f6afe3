import { type EventRecord, isInstance, messageOf } from '../../kernel/values/index.js';
import type { Unwatch, Wake } from '../duties/index.js';

/** The watches of this process. It finds the watchers that new events concern. */
export class WakeTable {
  readonly #byStream = new Map<string, Set<Wake>>();
  readonly #all = new Set<Wake>();
  #size = 0;

  /** The number of watches in force. */
  get size(): number {
    return this.#size;
  }

  addStream(streamId: string, wake: Wake): Unwatch {
    const wakes = this.#byStream.get(streamId) ?? new Set();
    this.#byStream.set(streamId, wakes);
    return this.#add(wakes, wake, () => {
      if (wakes.size === 0 && this.#byStream.get(streamId) === wakes) this.#byStream.delete(streamId);
    });
  }

  addAll(wake: Wake): Unwatch {
    return this.#add(this.#all, wake, () => {});
  }

  /** Wakes each watcher with the events that concern it, in the order given. */
  wake(records: readonly EventRecord[]): void {
    if (this.#byStream.size > 0) {
      for (const [wakes, events] of this.#concerned(records)) wakeEach(wakes, events);
    }
    wakeEach(this.#all, records);
  }

  /** Wakes only the watchers of streams. Those of the whole store are woken when positions are known. */
  wakeStreams(records: readonly EventRecord[]): void {
    for (const [wakes, events] of this.#concerned(records)) wakeEach(wakes, events);
  }

  /** Wakes the watchers of a stream without any events, so that they look. */
  nudge(streamId: string): void {
    const wakes = this.#byStream.get(streamId);
    if (wakes) wakeEach(wakes, []);
  }

  /** Wakes the watchers of the whole store, likewise. */
  nudgeAll(): void {
    wakeEach(this.#all, []);
  }

  hasStream(streamId: string): boolean {
    return this.#byStream.has(streamId);
  }

  /** The streams that are watched. */
  streams(): Iterable<string> {
    return this.#byStream.keys();
  }

  /** Ends every watch. */
  clear(): void {
    this.#byStream.clear();
    this.#all.clear();
    this.#size = 0;
  }

  #concerned(records: readonly EventRecord[]): Map<Set<Wake>, EventRecord[]> {
    const groups = new Map<Set<Wake>, EventRecord[]>();
    for (const record of records) {
      const wakes = this.#byStream.get(record.streamId);
      if (!wakes) continue;
      const group = groups.get(wakes);
      if (group) group.push(record);
      else groups.set(wakes, [record]);
    }
    return groups;
  }

  /** Two watches may share one function, so each gets an entry of its own. */
  #add(wakes: Set<Wake>, wake: Wake, removed: () => void): Unwatch {
    const entry: Wake = (events) => wake(events);
    wakes.add(entry);
    this.#size += 1;
    return () => {
      if (!wakes.delete(entry)) return;
      this.#size -= 1;
      removed();
    };
  }
}

/**
 * Wakes every watcher. A watcher that throws breaks its contract. That must neither leave the others asleep nor fail
 * the commit that woke them, so it becomes a process warning.
 */
export function wakeEach(wakes: ReadonlySet<Wake>, events: readonly EventRecord[]): void {
  for (const wake of [...wakes]) {
    // An earlier watcher may have stopped this watch.
    if (!wakes.has(wake)) continue;
    try {
      wake(events);
    } catch (error) {
      process.emitWarning(isInstance(error, Error) ? error : messageOf(error));
    }
  }
}
