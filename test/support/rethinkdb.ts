import type { describe as Describe } from '@jest/globals';
import { RethinkDbEngine, type RethinkDbEngineOptions } from 'omniscient-nest/rethinkdb';
import { connect, loadDriver, type Reql, type Term } from '../../lib/engines/rethinkdb/connections/driver.js';
import { hasRethinkDb, stopAllRethinkDb } from './rethinkdb-server.js';

export * from './rethinkdb-server.js';

const engines = new Set<RethinkDbEngine>();

/** An engine on this server, that `stopRethinkDb` closes if its test did not come to that: an open one would keep Jest from ending. */
export function engineOn(
  server: { host: string; port: number },
  options: RethinkDbEngineOptions = {},
): RethinkDbEngine {
  const engine = new RethinkDbEngine({ servers: [server], warn: () => {}, ...options });
  engines.add(engine);
  return engine;
}

/** For the end of a spec, also of one that failed: closes every engine, then stops every server that this process started. */
export async function stopRethinkDb(): Promise<void> {
  await Promise.all([...engines].map((engine) => engine.close()));
  engines.clear();
  await stopAllRethinkDb();
}

/** How a title says that there is nothing to test with; the reporter in missing-reporter.mjs counts these. */
const MISSING = "[no 'rethinkdb' on the PATH]";

/** `describe`, or loudly not: the end of the run says how many tests that left out, and why. */
export function describeWithRethinkDb(name: string, body: () => void): void {
  // Jest's global: importing its module fails in the processes that specs start.
  const { describe } = globalThis as unknown as { describe: typeof Describe };
  if (hasRethinkDb) describe(name, body);
  else describe.skip(`${name} ${MISSING}`, body);
}

/** Runs ReQL with the bare driver. */
export async function withDriver<T>(
  server: { host: string; port: number },
  work: (r: Reql, run: (query: Term) => Promise<unknown>) => Promise<T>,
): Promise<T> {
  const r = await loadDriver();
  const connection = await connect(r, { host: server.host, port: server.port });
  try {
    return await work(r, (query) => query.run(connection));
  } finally {
    await connection.close();
  }
}

/** All documents but the one that says that the tables are complete. */
export async function emptyTables(server: { host: string; port: number }, database: string): Promise<void> {
  await withDriver(server, async (r, run) => {
    const tables = (await run(r.db(database).tableList())) as string[];
    await Promise.all(
      tables.flatMap((name) => {
        const table = r.db(database).table(name);
        const parts = [table.between(r.minval, 'schema'), table.between('schema', r.maxval, { leftBound: 'open' })];
        return parts.map((part) => run(part.delete({ durability: 'soft' })));
      }),
    );
  });
}
