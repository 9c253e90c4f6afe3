import type { EventRecord } from '../../kernel/event.js';
import type { SqliteDatabase } from './driver.js';

/** Every statement there is, prepared once for a connection. */
export function prepareStatements(db: SqliteDatabase) {
  return {
    begin: db.prepare('BEGIN IMMEDIATE'),
    commit: db.prepare('COMMIT'),
    rollback: db.prepare('ROLLBACK'),
    /** Changes when another connection committed, never for our own commits. */
    dataVersion: db.prepare('PRAGMA data_version').pluck(),
    streamByKey: db.prepare('SELECT key, version FROM streams WHERE key = ?').raw(),
    streamById: db.prepare('SELECT key, version FROM streams WHERE id = ?').raw(),
    addStream: db.prepare('INSERT INTO streams (id, version) VALUES (?, ?)'),
    moveStream: db.prepare('UPDATE streams SET version = ? WHERE key = ?'),
    addEvent: db.prepare('INSERT INTO events (stream, version, id, name, data, metadata) VALUES (?, ?, ?, ?, ?, ?)'),
    readStream: db
      .prepare(
        'SELECT version, position, id, name, data, metadata FROM events WHERE stream = ? AND version > ? ORDER BY version LIMIT ?',
      )
      .raw(),
    readAll: db.prepare(`${SELECT_ALL} WHERE e.position > ? ORDER BY e.position LIMIT ?`).raw(),
    readNamed: db
      .prepare(
        `${SELECT_ALL} WHERE e.position > ? AND e.name IN (SELECT value FROM json_each(?)) ORDER BY e.position LIMIT ?`,
      )
      .raw(),
    lastPosition: db.prepare('SELECT coalesce(max(position), 0) FROM events').pluck(),
    loadSnapshot: db.prepare(
      'SELECT stream_id AS streamId, actor, fingerprint, version, event_id AS eventId, state, checksum FROM snapshots WHERE stream_id = ? AND actor = ?',
    ),
    saveSnapshot: db.prepare(
      `INSERT INTO snapshots (stream_id, actor, fingerprint, version, event_id, state, checksum) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (stream_id, actor) DO UPDATE SET fingerprint = excluded.fingerprint, version = excluded.version,
         event_id = excluded.event_id, state = excluded.state, checksum = excluded.checksum
       WHERE snapshots.fingerprint <> excluded.fingerprint OR snapshots.version <= excluded.version`,
    ),
    deleteSnapshots: db.prepare('DELETE FROM snapshots'),
    deleteSnapshotsOf: db.prepare('DELETE FROM snapshots WHERE stream_id = ?'),
  };
}

const SELECT_ALL =
  'SELECT s.id, e.version, e.position, e.id, e.name, e.data, e.metadata FROM events e JOIN streams s ON s.key = e.stream';

export type Statements = ReturnType<typeof prepareStatements>;

/** A row of `readStream`. */
export type StreamRow = [version: number, position: number, id: string, name: string, data: string, metadata: string];
/** A row of `readAll` and `readNamed`. */
export type StoreRow = [streamId: string, ...StreamRow];

export function recordsOf(streamId: string, rows: readonly StreamRow[]): EventRecord[] {
  return Array.from(rows, (row) => recordOf(streamId, row));
}

export function storeRecordsOf(rows: readonly StoreRow[]): EventRecord[] {
  return Array.from(rows, storeRecordOf);
}

function recordOf(streamId: string, row: StreamRow): EventRecord {
  return { id: row[2], streamId, version: row[0], position: row[1], name: row[3], data: row[4], metadata: row[5] };
}

function storeRecordOf(row: StoreRow): EventRecord {
  return {
    id: row[3],
    streamId: row[0],
    version: row[1],
    position: row[2],
    name: row[4],
    data: row[5],
    metadata: row[6],
  };
}
