import type { SqliteDatabase } from './driver.js';

/** Every statement there is, prepared once for a connection. `raw` gives rows as arrays (an `EventRow`), `pluck` the first column alone. */
export function prepareStatements(db: SqliteDatabase) {
  return {
    begin: db.prepare('BEGIN IMMEDIATE'),
    commit: db.prepare('COMMIT'),
    rollback: db.prepare('ROLLBACK'),
    /** Changes when another connection committed, never for our own commits. */
    dataVersion: db.prepare('PRAGMA data_version').pluck(),

    streamKey: db.prepare('SELECT key FROM streams WHERE id = ?').pluck(),
    streamVersion: db.prepare('SELECT coalesce(max(version), 0) FROM events WHERE stream = ?').pluck(),
    addStream: db.prepare('INSERT INTO streams (id) VALUES (?)'),
    addEvent: db.prepare('INSERT INTO events (stream, version, id, name, data, metadata) VALUES (?, ?, ?, ?, ?, ?)'),

    readStream: db
      .prepare(
        `SELECT position, version, id, name, data, metadata FROM events
         WHERE stream = ? AND version > ? ORDER BY version LIMIT ?`,
      )
      .raw(),
    readAll: db.prepare(`${SELECT_EVENTS} WHERE e.position > ? ORDER BY e.position LIMIT ?`).raw(),
    readAt: db
      .prepare(`${SELECT_EVENTS} WHERE e.position IN (SELECT value FROM json_each(?)) ORDER BY e.position`)
      .raw(),
    positionsOfName: db
      .prepare(
        'SELECT position FROM events WHERE name = ? AND position > ? AND position <= ? ORDER BY position LIMIT ?',
      )
      .pluck(),
    lastPosition: db.prepare('SELECT coalesce(max(position), 0) FROM events').pluck(),

    loadSnapshot: db.prepare(
      `SELECT stream_id AS streamId, actor, fingerprint, version, event_id AS eventId, state, checksum FROM snapshots
       WHERE stream_id = ? AND actor = ?`,
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

const SELECT_EVENTS =
  'SELECT e.position, e.version, e.id, e.name, e.data, e.metadata, s.id FROM events e JOIN streams s ON s.key = e.stream';

export type Statements = ReturnType<typeof prepareStatements>;
