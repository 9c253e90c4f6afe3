import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { SYSTEM } from '../../../lib/engine/environment/system-environment.js';
import { Connections } from '../../../lib/engines/rethinkdb/connections/connections.js';
import { loadDriver, type Reql, type Term } from '../../../lib/engines/rethinkdb/connections/driver.js';
import { settingsOf } from '../../../lib/engines/rethinkdb/connections/options.js';
import { DuplicateNames } from '../../../lib/engines/rethinkdb/schema/duplicate-names.js';
import { LayoutMark } from '../../../lib/engines/rethinkdb/schema/layout-mark.js';
import {
  describeWithRethinkDb,
  type RethinkDbProcess,
  startRethinkDbCluster,
  stopRethinkDb,
} from '../../support/rethinkdb.js';

const DATABASE = 'doubles';
/** How often it is tried to make two of one name: servers seldom let that happen. */
const TRIES_MAX = 30;

interface Maker {
  readonly connections: Connections;
  readonly mark: LayoutMark;
  readonly doubles: DuplicateNames;
}

describeWithRethinkDb('a table that two servers made at the same moment', () => {
  let servers: RethinkDbProcess[];
  let r: Reql;
  let makers: Maker[];

  const maker = (server: RethinkDbProcess, name: string): Maker => {
    const connections = new Connections(r, settingsOf({ servers: [server], queryTimeoutMs: 30_000 }));
    const mark = new LayoutMark(r, connections, DATABASE, name, SYSTEM.monotonicMs);
    return { connections, mark, doubles: new DuplicateNames(r, connections, DATABASE, mark, SYSTEM) };
  };

  beforeAll(async () => {
    servers = await startRethinkDbCluster(3);
    r = await loadDriver();
    makers = servers.map((server, i) => maker(server, `maker-${i}`));
    await makers[0]?.connections.write(r.dbCreate(DATABASE));
    for (const { connections } of makers) {
      while (!(await connections.read<string[]>(r.dbList())).includes(DATABASE));
    }
  });
  afterAll(async () => {
    await Promise.all(makers.map(({ connections }) => connections.close()));
    await stopRethinkDb();
  });

  const ofName = (name: string): Term =>
    r.db('rethinkdb').table('table_config').filter({ db: DATABASE, name }).pluck('id', 'name').coerceTo('array');

  /** Made by all of them at once, until there are two at least. */
  async function made(name: string): Promise<string> {
    for (let i = 0; i < TRIES_MAX; i += 1) {
      const tried = `${name}_${i}`;
      await Promise.all(
        makers.map(({ doubles }) => doubles.create(r.db(DATABASE).tableCreate(tried, { replicas: 3 }))),
      );
      const [{ connections }] = makers as [Maker];
      if ((await connections.read<unknown[]>(ofName(tried))).length > 1) return tried;
    }
    throw new Error(`${TRIES_MAX} times only one table was made: this test has nothing to look at`);
  }

  it('is there once in the end', async () => {
    const name = await made('empty');
    await Promise.all(makers.map(({ doubles }) => doubles.drop()));
    const [{ connections }] = makers as [Maker];
    expect(await connections.read<unknown[]>(ofName(name))).toHaveLength(1);
    expect(await connections.read<unknown[]>(r.db(DATABASE).table(name).coerceTo('array'))).toEqual([]);
  });
});

describeWithRethinkDb('what marks the tables', () => {
  let servers: RethinkDbProcess[];
  let r: Reql;
  const connections: Connections[] = [];

  beforeAll(async () => {
    servers = await startRethinkDbCluster(1);
    r = await loadDriver();
  });
  afterAll(async () => {
    await Promise.all(connections.map((each) => each.close()));
    await stopRethinkDb();
  });

  async function marks(database: string): Promise<{ one: LayoutMark; other: LayoutMark; pass: (ms: number) => void }> {
    const own = new Connections(r, settingsOf({ servers, queryTimeoutMs: 30_000 }));
    connections.push(own);
    await own.write(r.dbCreate(database));
    await own.write(r.db(database).tableCreate('checkpoints'));
    let nowMs = 0;
    const pass = (ms: number) => {
      nowMs += ms;
    };
    const mark = (by: string) => new LayoutMark(r, own, database, by, () => nowMs);
    return { one: mark('one'), other: mark('other'), pass };
  }

  it('is claimed by one at a time, and by another when that one has stopped', async () => {
    const { one, other, pass } = await marks('claimed');
    expect(await one.claim()).toBe(true);
    expect(await other.claim()).toBe(false);
    pass(19_000);
    await one.renew();
    expect(await other.claim()).toBe(false);
    pass(19_000);
    expect(await other.claim()).toBe(false);
    pass(2_000);
    expect(await other.claim()).toBe(true);
    await one.set();
    expect(await one.isSet()).toBe(false);
    await other.set();
    expect(await one.isSet()).toBe(true);
    expect(await one.claim()).toBe(true);
    expect(await one.isSet()).toBe(true);
  });

  it('is never set on tables that are given up, and those are not given up on which it is set', async () => {
    const { one, other } = await marks('given_up');
    expect(await one.claim()).toBe(true);
    expect(await other.abandon('given_up', 'checkpoints')).toBe(true);
    await one.set();
    expect(await one.isSet()).toBe(false);
    const set = await marks('in_use');
    await set.one.claim();
    await set.one.set();
    expect(await set.other.abandon('in_use', 'checkpoints')).toBe(false);
    expect(await set.one.isSet()).toBe(true);
  });
});
