import type { EventRecord } from '../kernel/event.js';
import type { Unwatch, Wake } from './follow.js';

/** Who watches what in this process: finds the watchers that new events concern. */
export class WakeTable {
  readonly #byStream = new Map<string, Set<Wake>>();
  readonly #all = new Set<Wake>();
  #size = 0;

  /** How many watches are in force. */
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

  /** Tells each watcher of the events that concern it, in the order given. */
  wake(records: readonly EventRecord[]): void {
    if (this.#byStream.size > 0) {
      for (const [streamId, events] of byStream(records)) {
        for (const wake of [...(this.#byStream.get(streamId) ?? [])]) wake(events);
      }
    }
    for (const wake of [...this.#all]) wake(records);
  }

  /** Two watches may share one function: each gets an entry of its own. */
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

function byStream(records: readonly EventRecord[]): Map<string, EventRecord[]> {
  const groups = new Map<string, EventRecord[]>();
  for (const record of records) {
    const group = groups.get(record.streamId);
    if (group) group.push(record);
    else groups.set(record.streamId, [record]);
  }
  return groups;
}
