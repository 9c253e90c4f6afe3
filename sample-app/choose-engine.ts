import type { EventSourcingOptions } from 'omniscient-nest';

/** An engine, and where it is, for people to read. */
export interface ChosenEngine {
  engine: NonNullable<EventSourcingOptions['engine']>;
  place: string;
  /** The file of the game's own tables: one for each store of events, as the tables say how far in it they have come. */
  tables: string;
}

/**
 * A RethinkDB cluster if `RETHINKDB` names its servers (`db1:28015,db2:28015`), else the SQLite file `DATABASE`. Each is imported only when it is
 * chosen, so the other's driver need not be there. `TABLES` is the file for the game's own tables.
 */
export async function chooseEngine(env: NodeJS.ProcessEnv): Promise<ChosenEngine> {
  if (env.RETHINKDB) {
    const { RethinkDbEngine } = await import('omniscient-nest/rethinkdb');
    const servers = env.RETHINKDB.split(',').map(addressOf);
    const database = env.RETHINKDB_DATABASE ?? 'game';
    const engine = new RethinkDbEngine({ servers, database, password: env.RETHINKDB_PASSWORD ?? '' });
    const tables = env.TABLES ?? `./data/rethinkdb-${database}-tables.db`;
    return { engine, place: `RethinkDB at ${env.RETHINKDB}`, tables };
  }
  const { SqliteEngine } = await import('omniscient-nest/sqlite');
  const file = env.DATABASE ?? './data/events.db';
  return {
    engine: new SqliteEngine({ file }),
    place: file,
    tables: env.TABLES ?? file.replace(/(\.db)?$/, '-tables.db'),
  };
}

function addressOf(text: string): { host: string; port: number } {
  const [host, port = '28015'] = text.trim().split(':');
  if (!host || !/^\d+$/.test(port))
    throw new Error(`RETHINKDB takes host:port, several with commas, but got '${text}'`);
  return { host, port: Number(port) };
}
