import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { RethinkDbEngine } from 'omniscient-nest/rethinkdb';
import { describeEngine } from '../../lib/testing/conformance/index.js';
import { describeWithRethinkDb, emptyTables, RethinkDbProcess, stopRethinkDb } from '../support/rethinkdb.js';

describeWithRethinkDb('on a server of its own', () => {
  let server: RethinkDbProcess;
  beforeAll(async () => {
    server = await RethinkDbProcess.start();
  });
  afterAll(stopRethinkDb);
  // Creating tables takes seconds, emptying them does not. On a busy machine a query may take longer than anybody should wait for one.
  const options = () => ({ servers: [server], warn: () => {}, queryTimeoutMs: 30_000 });

  describeEngine(
    'rethinkdb',
    async () => {
      return { newEngine: () => new RethinkDbEngine(options()), dispose: () => emptyTables(server, 'omniscient') };
    },
    { describe, it },
  );
});
