import type { AppendRequest, AppendResult } from '../../engine/append.js';
import type { EventRecord } from '../../kernel/event.js';
import type { SqliteReader } from './sqlite-reader.js';
import type { Statements } from './statements.js';

/** Appends a batch inside a transaction that its caller begins and commits. */
export class SqliteWriter {
  readonly #statements: Statements;
  readonly #reader: SqliteReader;

  constructor(statements: Statements, reader: SqliteReader) {
    this.#statements = statements;
    this.#reader = reader;
  }

  /** One result for each request; conflicts leave no trace. `stored` gets every event stored, in order of position. */
  write(requests: readonly AppendRequest[], stored: EventRecord[]): AppendResult[] {
    return requests.map((request) => this.#append(request, stored));
  }

  #append({ streamId, expectedVersion, events }: AppendRequest, stored: EventRecord[]): AppendResult {
    const known = this.#reader.keyOf(streamId);
    let version = known === undefined ? 0 : (this.#statements.streamVersion.get(known) as number);
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
    return { kind: 'appended', version: first };
  }
}
