import {
  Announcements,
  CommitReader,
  Commits,
  PlacedCommits,
  PositionLog,
  StoreReader,
  Sweeper,
  Watcher,
} from './commits/index.js';
import { Connections, FeedConnection, type Reql, type Settings } from './connections/index.js';
import { Mailbox, SmallTables } from './tables/index.js';

/** What the engine consists of between `open()` and `close()`. */
export interface EngineParts {
  readonly connections: Connections;
  readonly line: FeedConnection;
  readonly reader: CommitReader;
  readonly announcements: Announcements;
  readonly log: PositionLog;
  readonly sweeper: Sweeper;
  readonly store: StoreReader;
  readonly watcher: Watcher;
  readonly commits: Commits;
  readonly mailbox: Mailbox;
  readonly tables: SmallTables;
}

/** Makes the parts and starts the sweeper. The tables must be there. */
export function openParts(r: Reql, settings: Settings): EngineParts {
  const { environment } = settings;
  const connections = new Connections(r, settings);
  const db = r.db(settings.database);
  const line = new FeedConnection(new Connections(r, settings));
  const table = db.table('commits', { readMode: 'majority' });
  const reader = new CommitReader(r, table, connections);
  const announcements = new Announcements(r, db, connections, environment);
  const log = new PositionLog(r, db, connections, announcements, environment);
  const sweeper = new Sweeper(announcements, log, reader, environment);
  const placed = new PlacedCommits(r, db, connections);
  const store = new StoreReader(log, placed, environment);
  const watcher = new Watcher(db, line, log, placed, environment);
  const commitParts = { r, table, connections, reader, announcements, log, sweeper };
  const commits = new Commits(commitParts, settings.durability, watcher, environment);
  const mailbox = new Mailbox(r, db, connections, line, environment);
  const tables = new SmallTables(r, db, connections);
  sweeper.start();
  return { connections, line, reader, announcements, log, sweeper, store, watcher, commits, mailbox, tables };
}
