import { RethinkDbEngine } from 'omniscient-nest/rethinkdb';
import { RethinkDbProcess } from '../../test/support/rethinkdb-server.js';

/** A server for one benchmark. */
export async function onServer(work: (server: RethinkDbProcess) => Promise<void>): Promise<void> {
  const server = await RethinkDbProcess.start();
  try {
    await work(server);
  } finally {
    await server.stop();
  }
}

export function newRethinkDbEngine(server: RethinkDbProcess, database?: string): RethinkDbEngine {
  return new RethinkDbEngine({ servers: [server], warn: () => {}, ...(database && { database }) });
}
