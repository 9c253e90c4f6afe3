import { EngineError } from '../../../kernel/values/index.js';
import type { SqliteDatabase } from './driver.js';

/** Creates the tables that are missing. Several processes may do this at once: the first one does the work. */
export function migrate(db: SqliteDatabase, file: string): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    // Checked again: what was an empty file a moment ago may have become another program's since.
    assertOurs(db, file);
    const version = schemaVersion(db);
    for (const script of MIGRATIONS.slice(version)) db.exec(script);
    if (version < MIGRATIONS.length) {
      db.pragma(`application_id = ${APPLICATION_ID}`);
      db.pragma(`user_version = ${MIGRATIONS.length}`);
    }
    db.exec('COMMIT');
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** 'omni' in ASCII. It marks a file as ours (`PRAGMA application_id`). */
const APPLICATION_ID = 0x6f6d6e69;

/**
 * The migrations, one script for each version, applied in order and never changed once released. `user_version` counts
 * those already applied.
 *
 * Streams have a short key, so that the index that every append pays for stays small. A stream's version is that of its
 * last event; it is stored nowhere else. Positions are the rowids of events. Events are never deleted and there is one
 * writer at a time, so positions become visible in order.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE streams (
     key INTEGER PRIMARY KEY,
     id TEXT NOT NULL UNIQUE
   ) STRICT;
   CREATE TABLE events (
     position INTEGER PRIMARY KEY,
     stream INTEGER NOT NULL,
     version INTEGER NOT NULL,
     id TEXT NOT NULL,
     name TEXT NOT NULL,
     data TEXT NOT NULL,
     metadata TEXT NOT NULL,
     UNIQUE (stream, version)
   ) STRICT;
   CREATE INDEX events_by_name ON events (name);
   CREATE TABLE snapshots (
     stream_id TEXT NOT NULL,
     actor TEXT NOT NULL,
     fingerprint TEXT NOT NULL,
     version INTEGER NOT NULL,
     event_id TEXT NOT NULL,
     state TEXT NOT NULL,
     checksum TEXT NOT NULL,
     PRIMARY KEY (stream_id, actor)
   ) STRICT;`,
  `CREATE TABLE nodes (
     node_id TEXT PRIMARY KEY,
     incarnation TEXT NOT NULL,
     beat INTEGER NOT NULL,
     clock_ms REAL NOT NULL
   ) STRICT;
   CREATE TABLE messages (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     receiver TEXT NOT NULL,
     text TEXT NOT NULL,
     sent_at_ms INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX messages_by_receiver ON messages (receiver);
   CREATE TABLE schedules (
     stream_id TEXT NOT NULL,
     actor TEXT NOT NULL,
     id TEXT NOT NULL,
     owner TEXT NOT NULL,
     PRIMARY KEY (stream_id, actor)
   ) STRICT;
   CREATE INDEX schedules_by_owner ON schedules (owner, stream_id, actor);`,
  `CREATE TABLE checkpoints (
     name TEXT PRIMARY KEY,
     revision INTEGER NOT NULL,
     value TEXT NOT NULL
   ) STRICT;`,
  // Older schedules get version 0, which any newer knowledge of the stream overrides.
  'ALTER TABLE schedules ADD COLUMN since INTEGER NOT NULL DEFAULT 0;',
];

/** Refuses files that another program, or a newer version of this library, has written. It changes nothing. */
export function assertOurs(db: SqliteDatabase, file: string): void {
  const empty = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
  if (!empty && db.pragma('application_id', { simple: true }) !== APPLICATION_ID) {
    throw new EngineError(
      'NOT_OUR_DATABASE',
      `${file} is a database of another program, and stays unchanged: give the path of another file`,
    );
  }
  const version = schemaVersion(db);
  if (version > MIGRATIONS.length) {
    throw new EngineError(
      'SCHEMA_TOO_NEW',
      `${file} was written by a newer version of omniscient-nest (schema ${version}; this one knows ${MIGRATIONS.length}): update the package`,
    );
  }
}

function schemaVersion(db: SqliteDatabase): number {
  return db.pragma('user_version', { simple: true }) as number;
}
