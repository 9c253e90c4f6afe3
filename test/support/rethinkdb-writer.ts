import type { AppendRequest } from '../../lib/engine/duties/append.js';
import { GroupCommit } from '../../lib/engine/writing/group-commit.js';
import { Announcements } from '../../lib/engines/rethinkdb/commits/announcements.js';
import { CommitReader } from '../../lib/engines/rethinkdb/commits/commit-reader.js';
import { Commits } from '../../lib/engines/rethinkdb/commits/commits.js';
import { PositionLog } from '../../lib/engines/rethinkdb/commits/position-log.js';
import { Sweeper } from '../../lib/engines/rethinkdb/commits/sweeper.js';
import { Connections } from '../../lib/engines/rethinkdb/connections/connections.js';
import { loadDriver, type Term } from '../../lib/engines/rethinkdb/connections/driver.js';
import { settingsOf } from '../../lib/engines/rethinkdb/connections/options.js';
import type { RethinkDbProcess } from './rethinkdb-server.js';

/** A connection whose queries a spec can delay, lose or fail. */
export class HandledConnections extends Connections {
  onRead: ((run: () => Promise<never>) => Promise<never>) | undefined;
  onWrite: ((run: () => Promise<never>) => Promise<never>) | undefined;

  override read<T>(query: Term, options?: object): Promise<T> {
    const run = () => super.read<never>(query, options);
    return this.onRead ? this.onRead(run) : run();
  }

  override write<T>(query: Term): Promise<T> {
    const run = () => super.write<never>(query);
    return this.onWrite ? this.onWrite(run) : run();
  }
}

/** What an engine is made of, as far as it stores, with connections of its own for commits and for the log. */
export async function rethinkDbWriter(server: RethinkDbProcess, database: string) {
  const r = await loadDriver();
  const settings = settingsOf({ servers: [server], database });
  const [connections, logConnections] = [new HandledConnections(r, settings), new HandledConnections(r, settings)];
  const plain = new Connections(r, settings);
  const db = r.db(database);
  const table = db.table('commits', { readMode: 'majority' });
  const reader = new CommitReader(r, table, connections);
  const announcements = new Announcements(r, db, plain);
  const log = new PositionLog(r, db, logConnections, announcements);
  const sweeper = new Sweeper(announcements, log, new CommitReader(r, table, plain));
  const parts = { r, table, connections, reader, announcements, log, sweeper };
  const commits = new Commits(parts, 'hard', { stored: () => {}, overtaken: () => {} });
  const groupCommit = new GroupCommit((requests) => commits.write(requests), { batchesMax: 8 });
  sweeper.start();
  return {
    connections,
    logConnections,
    append: (request: AppendRequest) => groupCommit.append(request),
    readStream: async (streamId: string, after: number, limit: number) => {
      await sweeper.announceDoubts();
      return reader.readStream(streamId, after, limit);
    },
    streamVersion: (streamId: string) => reader.streamVersion(streamId),
    readAll: () => Promise.reject(new Error('not here')),
    lastPosition: () => log.lastPosition(),
    /** Leaves everything as it is, as a process does that is killed. */
    async die(): Promise<void> {
      sweeper.close();
      await Promise.all([connections.close(), logConnections.close(), plain.close()]);
      await log.close();
    },
  };
}
