import { CONFLICT_EVENTS_MAX } from '../../../engine/duties/append.js';
import type { StorePage } from '../../../engine/duties/read.js';
import type { EventRecord } from '../../../kernel/values/event.js';
import { readPage } from './pages.js';
import type { Statements } from './statements.js';

/** Reads streams and the store, and knows the short keys of streams. */
export class SqliteReader {
  readonly #statements: Statements;
  readonly #keys = new Map<string, number>();

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  readStream(streamId: string, after: number, limit: number): EventRecord[] {
    const key = this.keyOf(streamId);
    if (key === undefined) return [];
    const { readStream } = this.#statements;
    return readPage(limit, (last, count) => readStream.all(key, last?.version ?? after, count), streamId).events;
  }

  streamVersion(streamId: string): number {
    const key = this.keyOf(streamId);
    return key === undefined ? 0 : (this.#statements.streamVersion.get(key) as number);
  }

  /** What a writer has to know who expected version `after`. */
  conflictEvents(streamId: string, after: number): EventRecord[] {
    return this.readStream(streamId, after, CONFLICT_EVENTS_MAX);
  }

  readAll(after: number, limit: number): StorePage {
    const { readAll } = this.#statements;
    const { events, ended } = readPage(limit, (last, count) => readAll.all(last?.position ?? after, count));
    return { events, upTo: events.at(-1)?.position ?? after, ended };
  }

  /** Positions come from the index first: rare names cost what they weigh, not what lies between them. */
  readNamed(after: number, limit: number, names: readonly string[]): StorePage {
    const { readAt } = this.#statements;
    const last = Math.max(after, this.lastPosition());
    const { positions, end } = this.#positionsOf(names, { after, last, limit });
    let taken = 0;
    const { events } = readPage(positions.length, (_last, count) => {
      const chunk = positions.slice(taken, taken + count);
      taken += count;
      return readAt.all(JSON.stringify(chunk));
    });
    const upTo = events.length < positions.length ? (events.at(-1) as EventRecord).position : end;
    return { events, upTo, ended: upTo === last };
  }

  /**
   * The first positions of events of these names, and up to where there are no others. One end for all names: what is committed between two of these
   * reads must not be passed over. As soon as there are enough, nothing beyond them is looked at, so that many names do not make many times the work.
   */
  #positionsOf(
    names: readonly string[],
    { after, last, limit }: { after: number; last: number; limit: number },
  ): { positions: number[]; end: number } {
    const { positionsOfName } = this.#statements;
    let positions: number[] = [];
    let end = last;
    for (const name of new Set(names)) {
      const found = positionsOfName.all(name, after, end, limit) as number[];
      if (found.length === 0) continue;
      positions = positions.length === 0 ? found : [...positions, ...found].sort((a, b) => a - b).slice(0, limit);
      if (positions.length >= limit) end = positions.at(-1) as number;
    }
    return { positions, end };
  }

  lastPosition(): number {
    return this.#statements.lastPosition.get() as number;
  }

  /** The key of a stream; `undefined` if there is no such stream. */
  keyOf(streamId: string): number | undefined {
    const known = this.#keys.get(streamId);
    if (known !== undefined) return known;
    const key = this.#statements.streamKey.get(streamId) as number | undefined;
    if (key !== undefined) this.#remember(streamId, key);
    return key;
  }

  /** The key of a new stream; only inside a transaction. */
  addStream(streamId: string): number {
    const key = Number(this.#statements.addStream.run(streamId).lastInsertRowid);
    this.#remember(streamId, key);
    return key;
  }

  /** Forgets keys, some of which were given out in a transaction that was rolled back. */
  forgetKeys(): void {
    this.#keys.clear();
  }

  #remember(streamId: string, key: number): void {
    if (this.#keys.size >= STREAM_KEYS_MAX) this.#keys.clear();
    this.#keys.set(streamId, key);
  }
}

/** Most streams whose keys are remembered, so that a busy stream's id is not looked up each time. */
const STREAM_KEYS_MAX = 50_000;
