import { CONFLICT_EVENTS_MAX } from '../../engine/append.js';
import type { EventRecord } from '../../kernel/event.js';
import { type Page, readPage } from './pages.js';
import type { Statements } from './statements.js';

/** Most streams whose keys are remembered, so that a busy stream's id is not looked up each time. */
const STREAM_KEYS_MAX = 50_000;

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

  readAll(after: number, limit: number): Page {
    return readPage(limit, (last, count) => this.#statements.readAll.all(last?.position ?? after, count));
  }

  /** Positions come from the index first: rare names cost what they weigh, not what lies between them. */
  readNamed(after: number, limit: number, names: readonly string[]): EventRecord[] {
    const { positionsOfName, readAt } = this.#statements;
    // The same end for all names: what is committed between two of these reads must not be passed over.
    const end = this.lastPosition();
    const positions = [...new Set(names)].flatMap((name) => positionsOfName.all(name, after, end, limit) as number[]);
    positions.sort((a, b) => a - b);
    let taken = 0;
    return readPage(Math.min(limit, positions.length), (_last, count) => {
      const chunk = positions.slice(taken, taken + count);
      taken += count;
      return readAt.all(JSON.stringify(chunk));
    }).events;
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
