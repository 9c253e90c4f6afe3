import type { AppendRequest, AppendResult } from '../../../engine/duties/index.js';
import type { EventRecord } from '../../../kernel/values/index.js';
import type { SqliteReader } from './sqlite-reader.js';
import type { Statements } from './statements.js';

/** Appends a batch, inside a transaction that the caller begins and commits. */
export class SqliteWriter {
  readonly #statements: Statements;
  readonly #reader: SqliteReader;
  /** Versions by stream key. They are valid as long as no other connection has committed. */
  readonly #versions = new Map<number, number>();
  #dataVersion: unknown;

  constructor(statements: Statements, reader: SqliteReader) {
    this.#statements = statements;
    this.#reader = reader;
  }

  /**
   * Writes the batch and returns one result for each request. Conflicts leave no trace. `stored` gets every event
   * stored, in order of position.
   */
  write(requests: readonly AppendRequest[], stored: EventRecord[]): AppendResult[] {
    const dataVersion = this.#statements.dataVersion.get();
    if (dataVersion !== this.#dataVersion || this.#versions.size > STREAM_VERSIONS_MAX) this.#versions.clear();
    this.#dataVersion = dataVersion;
    return requests.map((request) => this.#append(request, stored));
  }

  /** Forgets what it learned in a transaction that was rolled back. */
  forget(): void {
    this.#versions.clear();
  }

  #append({ streamId, expectedVersion, events }: AppendRequest, stored: EventRecord[]): AppendResult {
    const known = this.#reader.keyOf(streamId);
    let version = known === undefined ? 0 : this.#versionOf(known);
    if (expectedVersion !== 'any' && expectedVersion !== version) {
      return { kind: 'conflict', version, events: this.#reader.conflictEvents(streamId, expectedVersion) };
    }
    const key = known ?? this.#reader.addStream(streamId);
    const first = version + 1;
    for (const { id, name, data, metadata } of events) {
      version += 1;
      const added = this.#statements.addEvent.run(key, version, id, name, data, metadata);
      stored.push({ id, streamId, version, position: Number(added.lastInsertRowid), name, data, metadata });
    }
    this.#versions.set(key, version);
    return { kind: 'appended', version: first };
  }

  #versionOf(key: number): number {
    return this.#versions.get(key) ?? (this.#statements.streamVersion.get(key) as number);
  }
}

/** Most streams whose versions are remembered from one batch to the next. */
const STREAM_VERSIONS_MAX = 50_000;
