import { CONFLICT_EVENTS_MAX, type StorePage } from '../../../engine/duties/index.js';
import type { EventRecord } from '../../../kernel/values/index.js';
import { readPage } from './pages.js';
import type { Statements } from './statements.js';

/** Reads streams and the whole store, and knows the short keys of streams. */
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

  /** Reads the events of a conflict for a writer that expected version `after`. */
  conflictEvents(streamId: string, after: number): EventRecord[] {
    return this.readStream(streamId, after, CONFLICT_EVENTS_MAX);
  }

  readAll(after: number, limit: number): StorePage {
    const { readAll } = this.#statements;
    const { events, ended } = readPage(limit, (last, count) => readAll.all(last?.position ?? after, count));
    return { events, upTo: events.at(-1)?.position ?? after, ended };
  }

  /**
   * Reads events by name. Their positions come from the index first, so that rare names cost only their own events, not
   * those between them.
   */
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
   * Returns the first positions of events of these names, and up to where there are no others. All names are read up to
   * the same end, so that a commit between two of the reads is not passed over. As soon as there are enough positions,
   * nothing beyond them is looked at, so that many names do not multiply the work.
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

  /** Returns the key of a stream; `undefined` if there is no such stream. */
  keyOf(streamId: string): number | undefined {
    const known = this.#keys.get(streamId);
    if (known !== undefined) return known;
    const key = this.#statements.streamKey.get(streamId) as number | undefined;
    if (key !== undefined) this.#remember(streamId, key);
    return key;
  }

  /** Adds a stream and returns its key. Only to be called inside a transaction. */
  addStream(streamId: string): number {
    const key = Number(this.#statements.addStream.run(streamId).lastInsertRowid);
    this.#remember(streamId, key);
    return key;
  }

  /** Forgets all keys, because some were given in a transaction that was rolled back. */
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
