import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import {
  connect,
  type DriverConnection,
  loadDriver,
  type Reql,
  type Term,
} from '../../../lib/engines/rethinkdb/connections/driver.js';
import { patientMs, slowdown } from '../../support/machine-speed.js';
import { type FaultyNetwork, isWrite, startProxy } from '../../support/proxy.js';
import {
  describeWithRethinkDb,
  type RethinkDbProcess,
  startRethinkDb,
  stopAllRethinkDb,
  withDriver,
} from '../../support/rethinkdb.js';

/** Long enough for an answer to come if it comes at all. Milliseconds. */
const MOMENT_MS = 150;

/** What the specs of faults rest on: that each fault is what it says. */
describeWithRethinkDb('the faulty network before a real server', () => {
  let r: Reql;
  let server: RethinkDbProcess;
  let network: FaultyNetwork;
  let table: Term;
  const connections: DriverConnection[] = [];

  beforeAll(async () => {
    r = await loadDriver();
    server = await startRethinkDb();
    table = r.db('test').table('things');
    await withDriver(server, async (_, run) => {
      if (!((await run(r.dbList())) as string[]).includes('test')) await run(r.dbCreate('test'));
      await run(r.db('test').tableCreate('things'));
    });
  });
  afterAll(stopAllRethinkDb);

  beforeEach(async () => {
    network = await startProxy(server.port);
  });
  afterEach(async () => {
    await network.stop();
    for (const connection of connections.splice(0)) await connection.close({ noreplyWait: false });
  });

  /** A connection of the bare driver through the network. */
  async function connected(timeout = 2): Promise<DriverConnection> {
    const connection = await connect(r, { host: network.host, port: network.port, timeout });
    connections.push(connection);
    return connection;
  }

  async function restart(): Promise<void> {
    await server.restart();
    await withDriver(server, (_, run) => run(table.wait()));
  }

  const insert = (id: string): Term => table.insert({ id }, { durability: 'soft' });
  const one = () => r.expr(1);
  /** What became of it, as text. */
  const fateOf = (answer: Promise<unknown>) => answer.then((value) => JSON.stringify(value), String);
  const fateWithinMoment = (answer: Promise<unknown>) => Promise.race([fateOf(answer), sleep(MOMENT_MS, 'no answer')]);

  async function until(holds: () => boolean): Promise<void> {
    const deadlineMs = performance.now() + patientMs(10_000);
    while (!holds()) {
      if (performance.now() > deadlineMs) throw new Error(`it never came to this: ${holds}`);
      await sleep(2);
    }
  }

  /** What the server has, asked past the network. */
  const isStored = (id: string) => withDriver(server, async (_, run) => (await run(table.get(id))) !== null);

  it('passes on whatever is said while all is well, also large documents and many queries at once', async () => {
    const connection = await connected();
    const text = 'ü'.repeat(300_000);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => r.expr({ i, text: i % 10 === 0 ? text : '' }).run(connection)),
    );
    expect(answers).toEqual(answers.map((_, i) => ({ i, text: i % 10 === 0 ? text : '' })));
    expect(network.connections).toBe(1);
    await connection.close();
    await until(() => network.connections === 0);
  });

  it.each(['close', 'reset'] as const)(
    'cut by %s: connections end, new ones are refused until it is healed',
    async (how) => {
      const connection = await connected();
      network.stall();
      const fate = fateOf(one().run(connection));
      await sleep(20);
      network.cut(how);
      expect(await fate).toMatch(/Connection is closed/);
      await until(() => network.connections === 0);
      await expect(connected()).rejects.toThrow(/ECONNREFUSED/);
      network.heal();
      expect(await one().run(await connected())).toBe(1);
    },
  );

  it('a black hole to the server: the connection stays, and the server hears nothing', async () => {
    const connection = await connected();
    network.blackhole('toServer');
    expect(await fateWithinMoment(insert('unheard').run(connection))).toBe('no answer');
    expect(connection.open).toBe(true);
    expect(await isStored('unheard')).toBe(false);
  });

  it('a black hole to the client: the server does it, and its answer never comes', async () => {
    const connection = await connected();
    network.blackhole('toClient');
    expect(await fateWithinMoment(insert('unanswered').run(connection))).toBe('no answer');
    expect(connection.open).toBe(true);
    expect(await isStored('unanswered')).toBe(true);
  });

  it('a black hole takes new connections and lets none of them get anywhere, both ways', async () => {
    network.blackhole();
    await expect(connected(0.2)).rejects.toThrow(/timed out/);
  });

  it('a black hole does not even tell that one side has gone', async () => {
    const connection = await connected();
    network.blackhole();
    let isGone = false;
    connection.on('close', () => {
      isGone = true;
    });
    await restart();
    await sleep(MOMENT_MS);
    expect([isGone, connection.open]).toEqual([false, true]);
    network.heal();
    await until(() => isGone);
  });

  it('ends, when it is healed, connections that lost something, and only those', async () => {
    const [idle, busy] = [await connected(), await connected()];
    network.blackhole('toClient');
    const lost = fateOf(one().run(busy));
    expect(await Promise.race([lost, sleep(MOMENT_MS, 'no answer')])).toBe('no answer');
    network.heal();
    expect(await lost).toMatch(/Connection is closed/);
    expect(await one().run(idle)).toBe(1);
  });

  it('what stalls arrives later, once, and in order: else nobody could read it', async () => {
    const connection = await connected();
    network.stall();
    const ids = ['stalled-1', 'stalled-2'];
    const fates = ids.map((id) => fateOf(insert(id).run(connection)));
    expect(await Promise.race([...fates, sleep(MOMENT_MS, 'no answer')])).toBe('no answer');
    expect(await Promise.all(ids.map(isStored))).toEqual([false, false]);
    network.flow();
    expect(await Promise.all(fates)).toEqual(ids.map(() => expect.stringContaining('"inserted":1')));
  });

  it('delays each way', async () => {
    const connection = await connected();
    network.delay(60);
    const startedMs = performance.now();
    await Promise.all([one().run(connection), one().run(connection)]);
    const tookMs = performance.now() - startedMs;
    expect(tookMs).toBeGreaterThan(118);
    expect(tookMs).toBeLessThan(1_000 * slowdown());
  });

  it('drops the next answers: done, and who asked does not know', async () => {
    network.dropNextAnswers(2);
    for (const id of ['done-1', 'done-2']) {
      expect(await fateOf(insert(id).run(await connected()))).toMatch(/Connection is closed/);
      expect(await isStored(id)).toBe(true);
    }
    expect(network.dropped).toBe(2);
    expect(await fateOf(insert('done-3').run(await connected()))).toMatch(/"inserted":1/);
  });

  it('drops the answers to what is chosen only: reads on the same connection get theirs', async () => {
    const connection = await connected();
    network.dropNextAnswers(1, isWrite);
    expect(await one().run(connection)).toBe(1);
    expect(await r.expr([56, ['insert']]).run(connection)).toEqual([56, ['insert']]);
    expect(await fateOf(insert('chosen').run(connection))).toMatch(/Connection is closed/);
    expect([await isStored('chosen'), network.dropped]).toEqual([true, 1]);
  });

  it('drops several on one connection: the server does them all, though the first answer ends it', async () => {
    const connection = await connected();
    network.dropNextAnswers(20, isWrite);
    const ids = Array.from({ length: 20 }, (_, i) => `together-${i}`);
    const fates = await Promise.all(ids.map((id) => fateOf(insert(id).run(connection))));
    expect(fates.every((fate) => /Connection is closed/.test(fate))).toBe(true);
    await until(() => network.dropped === 20);
    expect(await Promise.all(ids.map(isStored))).toEqual(ids.map(() => true));
  });

  it('finds the answer among others that come in the same chunk, and passes on what came before it', async () => {
    const connection = await connected();
    network.dropNextAnswers(1, (query) => query.includes('the last'));
    const before = Array.from({ length: 30 }, (_, i) => r.expr(`${i}`).run(connection));
    const last = r.expr('the last').run(connection);
    last.catch(() => {});
    const fates = await Promise.all(before.map(fateOf));
    await expect(last).rejects.toThrow(/Connection is closed/);
    // Queries of one connection run side by side: some may come after it, but what came before it must be whole.
    for (const [i, fate] of fates.entries())
      expect([`"${i}"`, 'closed']).toContain(/closed/.test(fate) ? 'closed' : fate);
  });

  it('resets whoever comes when the server is not there', async () => {
    await server.end();
    await expect(connected()).rejects.toThrow(/ECONNRESET/);
    await restart();
    expect(await one().run(await connected())).toBe(1);
  });
});
