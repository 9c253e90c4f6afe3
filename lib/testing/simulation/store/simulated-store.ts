import { type AppendRequest, type AppendResult, CONFLICT_EVENTS_MAX } from '../../../engine/duties/index.js';
import { SYSTEM } from '../../../engine/environment/index.js';
import { MemoryEngine } from '../../../engines/memory/index.js';
import type { EventRecord } from '../../../kernel/values/index.js';
import { LOG, type SeededRandom, type Trace, type VirtualTime } from '../world/index.js';

/**
 * What is truly stored. It is never wrong and never late: faults happen on the way to it and back. Events get their
 * positions after the commit, in the order of the commits, with gaps.
 */
export class SimulatedStore {
  readonly streams = new Map<string, EventRecord[]>();
  /** All events with a position, in order. */
  readonly log: EventRecord[] = [];
  /** When each of them could first be read by its position. Milliseconds. */
  readonly placedAtMs: number[] = [];
  /** All commits, in the order in which they were stored. */
  readonly commits: StoredCommit[] = [];
  /** Snapshots, heartbeats, tick schedules and checkpoints. */
  readonly tables = new MemoryEngine({ environment: SYSTEM });
  readonly observers: StoreObserver[] = [];
  /** No commit gets a position before this time. Milliseconds. */
  logStallsUntilMs = 0;
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #trace: Trace;
  #unplaced: StoredCommit[] = [];

  constructor(time: VirtualTime, random: SeededRandom, trace: Trace) {
    this.#time = time;
    this.#random = random;
    this.#trace = trace;
  }

  open(): Promise<void> {
    return this.tables.open();
  }

  version(streamId: string): number {
    return this.streams.get(streamId)?.length ?? 0;
  }

  get lastPosition(): number {
    return this.log.at(-1)?.position ?? 0;
  }

  append({ streamId, expectedVersion, events }: AppendRequest, by: string): AppendResult {
    const stream = this.streams.get(streamId) ?? [];
    const version = stream.length;
    if (expectedVersion !== 'any' && expectedVersion !== version) {
      this.#trace.note('store', `refuses ${by}'s append at ${expectedVersion}: ${streamId} is at ${version}`, streamId);
      const others = stream.slice(expectedVersion, expectedVersion + CONFLICT_EVENTS_MAX);
      return { kind: 'conflict', version, events: others };
    }
    this.streams.set(streamId, stream);
    const records = events.map((event, i) => ({ ...event, streamId, version: version + 1 + i, position: 0 }));
    stream.push(...records);
    const names = records.map(({ name, data }) => `${name} ${data}`).join(', ');
    this.#trace.note('store', `${streamId} ${version + 1}: ${names} (by ${by})`, streamId);
    this.#commit({ streamId, records, atMs: this.#time.nowMs });
    return { kind: 'appended', version: version + 1 };
  }

  #commit(commit: StoredCommit): void {
    this.commits.push(commit);
    this.#unplaced.push(commit);
    const soonMs = this.#time.nowMs + this.#random.between(0.05, PLACED_AFTER_MS_MAX);
    this.#time.at(Math.max(soonMs, this.logStallsUntilMs), () => this.#placeAll());
    for (const observer of this.observers) observer.stored?.(commit);
  }

  #placeAll(): void {
    if (this.#unplaced.length === 0 || this.#time.nowMs < this.logStallsUntilMs) return;
    const placed: EventRecord[] = [];
    for (const { streamId, records } of this.#unplaced.splice(0)) {
      const stream = this.streams.get(streamId) as EventRecord[];
      for (const record of records) {
        const step = this.#random.chance(0.9) ? 1 : this.#random.int(2, POSITION_STEP_MAX + 1);
        const withPosition = { ...record, position: this.lastPosition + step };
        stream[record.version - 1] = withPosition;
        this.log.push(withPosition);
        this.placedAtMs.push(this.#time.nowMs);
        placed.push(withPosition);
      }
    }
    this.#trace.note('store', `positions up to ${this.lastPosition}`, LOG);
    for (const observer of this.observers) observer.placed?.(placed);
  }
}

/** How long a commit usually waits for its positions, at most. Milliseconds. */
const PLACED_AFTER_MS_MAX = 4;
/** Most that a position grows from one event to the next, so that there are gaps. */
const POSITION_STEP_MAX = 3;

/** One commit, as it was stored. */
export interface StoredCommit {
  readonly streamId: string;
  readonly records: readonly EventRecord[];
  readonly atMs: number;
}

/** Called with everything that is stored, at that moment. */
export interface StoreObserver {
  stored?(commit: StoredCommit): void;
  /** These events now have positions, and can be read by them. */
  placed?(records: readonly EventRecord[]): void;
}
