import { type AppendRequest, type AppendResult, CONFLICT_EVENTS_MAX } from '../../engine/append.js';
import type { EventRecord } from '../../kernel/event.js';
import { recordsOf, type Statements, type StreamRow } from './statements.js';

/** Most streams whose keys are remembered, so that a busy stream's id is not looked up each time. */
const STREAM_KEYS_MAX = 50_000;

interface Head {
  key: number;
  version: number;
}

/** Appends batches inside a transaction that its caller begins and commits. */
export class SqliteWriter {
  readonly #statements: Statements;
  readonly #keys = new Map<string, number>();

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** One result for each request; conflicts leave no trace. `stored` gets every event stored, in order of position. */
  write(requests: readonly AppendRequest[], stored: EventRecord[]): AppendResult[] {
    return requests.map((request) => this.#append(request, stored));
  }

  /** The key of a stream; `undefined` if there is no such stream. */
  keyOf(streamId: string): number | undefined {
    return this.#keys.get(streamId) ?? this.#lookUp(streamId)?.key;
  }

  /** Forgets keys given out in a transaction that was rolled back. */
  forget(): void {
    this.#keys.clear();
  }

  #append({ streamId, expectedVersion, events }: AppendRequest, stored: EventRecord[]): AppendResult {
    let head = this.#head(streamId);
    const version = head?.version ?? 0;
    if (expectedVersion !== 'any' && expectedVersion !== version) {
      return { kind: 'conflict', version, events: this.#eventsAfter(streamId, head, expectedVersion) };
    }
    head ??= this.#addStream(streamId);
    for (const { id, name, data, metadata } of events) {
      head.version += 1;
      const added = this.#statements.addEvent.run(head.key, head.version, id, name, data, metadata);
      const position = Number(added.lastInsertRowid);
      stored.push({ id, streamId, version: head.version, position, name, data, metadata });
    }
    this.#statements.moveStream.run(head.version, head.key);
    return { kind: 'appended', version: version + 1 };
  }

  #eventsAfter(streamId: string, head: Head | undefined, after: number): EventRecord[] {
    if (!head || head.version <= after) return [];
    const rows = this.#statements.readStream.all(head.key, after, CONFLICT_EVENTS_MAX) as StreamRow[];
    return recordsOf(streamId, rows);
  }

  #head(streamId: string): Head | undefined {
    const key = this.#keys.get(streamId);
    if (key === undefined) return this.#lookUp(streamId);
    const row = this.#statements.streamByKey.get(key) as [number, number] | undefined;
    return row && { key, version: row[1] };
  }

  #lookUp(streamId: string): Head | undefined {
    const row = this.#statements.streamById.get(streamId) as [number, number] | undefined;
    if (!row) return undefined;
    this.#remember(streamId, row[0]);
    return { key: row[0], version: row[1] };
  }

  #addStream(streamId: string): Head {
    const key = Number(this.#statements.addStream.run(streamId, 0).lastInsertRowid);
    this.#remember(streamId, key);
    return { key, version: 0 };
  }

  #remember(streamId: string, key: number): void {
    if (this.#keys.size >= STREAM_KEYS_MAX) this.#keys.clear();
    this.#keys.set(streamId, key);
  }
}
