import { randomUUID } from 'node:crypto';
import Database from 'better-sqlite3';

/** Metadata as long as ours is. */
export function metadata(): string {
  const id = randomUUID();
  return JSON.stringify({
    at: new Date().toISOString(),
    actor: 'Meter',
    firedBy: { nodeId: id, activationId: id },
    commandId: id,
    correlationId: id,
    causationId: null,
  });
}

/** The same tables, indexes and durability as the engine's, with nothing around them. */
export function openBare(file: string): Database.Database {
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec(`CREATE TABLE IF NOT EXISTS streams (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE IF NOT EXISTS events (position INTEGER PRIMARY KEY, stream INTEGER NOT NULL, version INTEGER NOT NULL, id TEXT NOT NULL,
      name TEXT NOT NULL, data TEXT NOT NULL, metadata TEXT NOT NULL, UNIQUE (stream, version)) STRICT;
    CREATE INDEX IF NOT EXISTS events_by_name ON events (name);`);
  return db;
}

/** Writes `n` events in group commits of `batch`, spread over `streams` streams: the same rows, in the same tables, with the same indexes. */
export function writeBare(db: Database.Database, n: number, batch: number, streams: number, payload: string): void {
  bareWriter(db, streams, payload)(n, batch);
}

/** The same, with everything prepared once for many such calls. */
export function bareWriter(
  db: Database.Database,
  streams: number,
  payload: string,
): (n: number, batch: number) => void {
  const addStream = db.prepare('INSERT OR IGNORE INTO streams (key, id) VALUES (?, ?)');
  const lastVersion = db.prepare('SELECT coalesce(max(version), 0) FROM events WHERE stream = ?').pluck();
  const addEvent = db.prepare(
    'INSERT INTO events (stream, version, id, name, data, metadata) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const versions: number[] = [];
  db.transaction(() => {
    for (let key = 1; key <= streams; key += 1) {
      addStream.run(key, `meter-${key}`);
      versions[key] = lastVersion.get(key) as number;
    }
  })();
  const write = db.transaction((from: number, to: number) => {
    for (let i = from; i < to; i += 1) {
      const key = 1 + (i % streams);
      const version = (versions[key] ?? 0) + 1;
      versions[key] = version;
      addEvent.run(key, version, randomUUID(), 'counted', payload, metadata());
    }
  });
  return (n, batch) => {
    for (let from = 0; from < n; from += batch) write.immediate(from, Math.min(from + batch, n));
  };
}

/** Reads one stream whole and parses the payloads. */
export function readBare(db: Database.Database, streamId: string): number {
  const rows = db
    .prepare(
      'SELECT e.version, e.id, e.name, e.data, e.metadata FROM events e JOIN streams s ON s.key = e.stream WHERE s.id = ? ORDER BY e.version',
    )
    .raw()
    .iterate(streamId) as IterableIterator<[number, string, string, string, string]>;
  let sum = 0;
  for (const row of rows) sum += (JSON.parse(row[3]) as { by: number }).by;
  return sum;
}

/** Reads everything in order of position and parses payloads and metadata. */
export function readAllBare(file: string): number {
  const db = new Database(file, { readonly: true });
  const rows = db
    .prepare(
      `SELECT e.position, e.version, e.id, e.name, e.data, e.metadata, s.id FROM events e JOIN streams s ON s.key = e.stream
       ORDER BY e.position`,
    )
    .raw()
    .iterate() as IterableIterator<[number, number, string, string, string, string, string]>;
  let sum = 0;
  for (const row of rows) {
    const { actor } = JSON.parse(row[5]) as { actor: string };
    if (actor === 'Meter') sum += (JSON.parse(row[4]) as { by: number }).by;
  }
  db.close();
  return sum;
}
