import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RethinkDbEngine, RethinkDbEngineOptions } from 'omniscient-nest/rethinkdb';
import { rethinkDbError, type Term } from '../../../lib/engines/rethinkdb/connections/driver.js';
import { assertVersion } from '../../../lib/engines/rethinkdb/schema/server-check.js';
import { newEvents, readWhole, store } from '../../../lib/testing/conformance/kit/conformance-case.js';
import {
  describeWithRethinkDb,
  engineOn,
  RethinkDbProcess,
  startRethinkDbCluster,
  stopRethinkDb,
  withDriver,
} from '../../support/rethinkdb.js';

describe('RethinkDB servers that are too old', () => {
  it.each(['rethinkdb 2.3.6~0jessie (GCC 4.9.2)', 'rethinkdb 1.16.3', 'nonsense'])('are refused: %s', (version) => {
    expect(() => assertVersion('s1', version)).toThrow(expect.objectContaining({ code: 'SERVER_TOO_OLD' }));
  });

  it.each(['rethinkdb 2.4.4-10-g8de19b (x86_64)', 'rethinkdb 3.0.0', 'rethinkdb 2.10.1'])(
    'are not these: %s',
    (version) => {
      expect(() => assertVersion('s1', version)).not.toThrow();
    },
  );
});

describe('what RethinkDB says while its servers elect', () => {
  it.each([
    [
      'ReqlInternalError',
      "Unexpected exception: The attempt to read or modify the table's configuration failed because none of the servers were accessible.",
    ],
    ['ReqlOpFailedError', 'Cannot perform read: primary replica for shard ["", +inf) not available'],
    ['ReqlAvailabilityError', 'lost contact with primary replica'],
  ])('is worth another try: %s', (name, msg) => {
    expect(rethinkDbError({ name, msg }, true)).toMatchObject({ code: 'ENGINE_UNAVAILABLE', retryable: true });
  });
});

describeWithRethinkDb('the tables of the RethinkDB engine', () => {
  let server: RethinkDbProcess;
  beforeAll(async () => {
    server = await RethinkDbProcess.start();
  });
  afterAll(stopRethinkDb);

  const engineOf = (database: string, options: RethinkDbEngineOptions = {}) =>
    engineOn(server, { database, ...options });

  async function opened(database: string, options: RethinkDbEngineOptions = {}): Promise<RethinkDbEngine> {
    const engine = engineOf(database, options);
    await engine.open();
    return engine;
  }

  it('is opened by four nodes at once on a server that has nothing yet', async () => {
    const engines = await Promise.all([1, 2, 3, 4].map(() => opened('together')));
    await Promise.all(engines.map((engine, i) => store(engine, 's', 'any', newEvents(i + 1))));
    expect(await readWhole(engines[0] as RethinkDbEngine, 's')).toHaveLength(10);
    const tables = await withDriver(server, async (r, run) =>
      run(r.db('rethinkdb').table('table_config').filter({ db: 'together' }).count()),
    );
    expect(tables).toBe(7);
    await Promise.all(engines.map((engine) => engine.close()));
  });

  it('refuses what a newer version laid out', async () => {
    await (await opened('newer')).close();
    await withDriver(server, async (r, run) =>
      run(r.db('newer').table('checkpoints').get('schema').update({ version: 2 })),
    );
    await expect(opened('newer')).rejects.toMatchObject({ code: 'SCHEMA_TOO_NEW', retryable: false });
  });

  it('warns of a cluster that is too small', async () => {
    const warnings: string[] = [];
    const engine = await opened('small', { warn: (message) => warnings.push(message) });
    expect(warnings.join()).toContain('1 server');
    await engine.close();
  });

  it.each(['commits', 'log', 'checkpoints', 'schedules'])(
    'does not start without the table %s where others have data',
    async (table) => {
      const database = `without_${table}`;
      const engine = await opened(database);
      await store(engine, 's', 0, newEvents(2));
      while ((await engine.lastPosition()) < 2) await sleep(10);
      await engine.close();
      await withDriver(server, async (r, run) =>
        run((r.db(database) as unknown as { tableDrop(name: string): never }).tableDrop(table)),
      );
      const refused = await opened(database).catch((error: unknown) => error);
      expect(refused).toMatchObject({
        code: 'TABLE_DROPPED',
        retryable: false,
        message: expect.stringContaining(table),
      });
      expect(await withDriver(server, (r, run) => run(r.db(database).tableList()))).not.toContain(table);
    },
  );

  it('makes tables anew that only save time, and indexes', async () => {
    const engine = await opened('caches');
    await store(engine, 's', 0, newEvents(2));
    await engine.close();
    await withDriver(server, async (r, run) => {
      const db = r.db('caches') as unknown as { tableDrop(name: string): Term };
      for (const table of ['snapshots', 'nodes', 'messages']) await run(db.tableDrop(table));
      await run((r.db('caches').table('schedules') as unknown as { indexDrop(name: string): Term }).indexDrop('owner'));
    });
    const again = await opened('caches');
    expect(await readWhole(again, 's')).toHaveLength(2);
    expect(await again.loadSnapshot('s', 'Any')).toBeUndefined();
    expect(await again.scheduleOwners()).toEqual([]);
    await again.close();
  });

  it('serves a user who may use this database alone, and warns that it cannot look at the servers', async () => {
    const first = await opened('rented');
    await first.close();
    await withDriver(server, async (r, run) => {
      await run(r.db('rethinkdb').table('users').insert({ id: 'tenant', password: 'secret' }));
      const rights = { read: true, write: true, config: true };
      await run((r.db('rented') as unknown as { grant(user: string, rights: object): Term }).grant('tenant', rights));
    });
    const warnings: string[] = [];
    const warn = (message: string) => warnings.push(message);
    const engine = await opened('rented', { user: 'tenant', password: 'secret', warn });
    expect(await store(engine, 's', 0, newEvents(2))).toBe(1);
    expect(warnings).toEqual([expect.stringContaining('may not read the system tables')]);
    await engine.close();
    const elsewhere = engineOf('elsewhere', { user: 'tenant', password: 'secret', warn });
    await expect(elsewhere.open()).rejects.toMatchObject({ code: 'PERMISSION_DENIED', retryable: false });
  });
});

describeWithRethinkDb('nodes that start together on three new servers, each on another', () => {
  const NODES = 9;
  const rounds = Array.from({ length: Number(process.env.ROUNDS ?? 1) }, (_, i) => i + 1);
  let servers: RethinkDbProcess[];
  beforeAll(async () => {
    servers = await startRethinkDbCluster(3);
  });
  afterAll(stopRethinkDb);

  it.each(rounds)('end with one database and one table of each name, and lose nothing (round %i)', async (round) => {
    const database = `fresh_${round}`;
    const engines = Array.from({ length: NODES }, (_, i) => engineOn(servers[i % 3] as RethinkDbProcess, { database }));
    await Promise.all(
      engines.map(async (engine, i) => {
        await engine.open();
        // At once: who is ready must not have to wait for the others.
        await store(engine, `s${i}`, 0, newEvents(3));
      }),
    );
    for (const engine of engines) {
      for (let i = 0; i < NODES; i += 1) expect(await readWhole(engine, `s${i}`)).toHaveLength(3);
    }
    await withDriver(servers[0] as RethinkDbProcess, async (r, run) => {
      const system = r.db('rethinkdb');
      expect(await run(system.table('db_config').filter({ name: database }).count())).toBe(1);
      expect(await run(system.table('table_config').filter({ db: database }).count())).toBe(7);
    });
    await Promise.all(engines.map((engine) => engine.close()));
  });
});
