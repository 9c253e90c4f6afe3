import type { SqliteDatabase } from '../file/index.js';

export type Statements = ReturnType<typeof prepareStatements>;

/**
 * All statements, prepared once for a connection. `raw` gives rows as arrays (an `EventRow`), `pluck` only the first
 * column.
 */
export function prepareStatements(db: SqliteDatabase) {
  return {
    begin: db.prepare('BEGIN IMMEDIATE'),
    commit: db.prepare('COMMIT'),
    rollback: db.prepare('ROLLBACK'),
    /** Changes when another connection commits, never for our own commits. */
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

    beat: db.prepare('INSERT OR REPLACE INTO nodes (node_id, incarnation, beat, clock_ms) VALUES (?, ?, ?, ?)'),
    nodes: db.prepare('SELECT node_id AS nodeId, incarnation, beat, clock_ms AS clockMs FROM nodes'),
    forgetNode: db.prepare('DELETE FROM nodes WHERE node_id = ? AND incarnation = ?'),

    addMessage: db.prepare('INSERT INTO messages (receiver, text, sent_at_ms) VALUES (?, ?, ?)'),
    /** Deleted messages count as well. */
    lastMessage: db.prepare("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'messages'), 0)").pluck(),
    messagesFor: db.prepare('SELECT id, text FROM messages WHERE receiver = ? AND id > ? ORDER BY id LIMIT ?').raw(),
    deleteMessages: db.prepare(
      'DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE receiver = ? AND id <= ? ORDER BY id LIMIT ?)',
    ),
    deleteOldMessages: db.prepare(
      'DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE sent_at_ms < ? ORDER BY id LIMIT ?)',
    ),

    addSchedule: db.prepare(
      `INSERT INTO schedules (stream_id, actor, id, owner, since) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (stream_id, actor) DO UPDATE SET since = excluded.since WHERE schedules.since < excluded.since`,
    ),
    schedule: db.prepare(`${SELECT_SCHEDULES} WHERE stream_id = ? AND actor = ?`),
    removeSchedule: db.prepare('DELETE FROM schedules WHERE stream_id = ? AND actor = ? AND owner = ? AND since <= ?'),
    schedulesOf: db.prepare(
      `${SELECT_SCHEDULES} WHERE owner = ? AND (stream_id, actor) > (?, ?) ORDER BY stream_id, actor LIMIT ?`,
    ),
    checkpoint: db.prepare('SELECT revision, value FROM checkpoints WHERE name = ?'),
    saveCheckpoint: db.prepare('INSERT OR REPLACE INTO checkpoints (name, revision, value) VALUES (?, ?, ?)'),
    scheduleOwners: db.prepare('SELECT DISTINCT owner FROM schedules').pluck(),
    takeSchedule: db.prepare('UPDATE schedules SET owner = ? WHERE stream_id = ? AND actor = ?'),
  };
}

const SELECT_SCHEDULES = 'SELECT stream_id AS streamId, actor, id, owner, since FROM schedules';

const SELECT_EVENTS =
  'SELECT e.position, e.version, e.id, e.name, e.data, e.metadata, s.id FROM events e JOIN streams s ON s.key = e.stream';
