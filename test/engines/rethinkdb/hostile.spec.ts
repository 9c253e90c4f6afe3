import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Clock } from 'omniscient-nest';
import type { RethinkDbEngine, RethinkDbEngineOptions } from 'omniscient-nest/rethinkdb';
import { commitKeyOf } from '../../../lib/engines/rethinkdb/commits/keys.js';
import { Batch, type PlacedCommit } from '../../../lib/engines/rethinkdb/commits/log-entry.js';
import { newEvents, readStore, readWhole, store } from '../../../lib/testing/conformance/kit/conformance-case.js';
import { patientMs } from '../../support/machine-speed.js';
import { Desk } from '../../support/one-actors.js';
import {
  describeWithRethinkDb,
  engineOn,
  RethinkDbProcess,
  stopRethinkDb,
  withDriver,
} from '../../support/rethinkdb.js';
import { startNode } from '../../support/runtime.js';

async function untilPlaced(engine: RethinkDbEngine, position: number): Promise<void> {
  const deadlineMs = Date.now() + patientMs(5_000);
  while ((await engine.lastPosition()) < position && Date.now() < deadlineMs) await sleep(20);
}

describeWithRethinkDb('the RethinkDB engine', () => {
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

  it('tries the next server when one accepts and says nothing, and says so when there is no other', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const port = (silent.address() as { port: number }).port;
    const quiet = { host: '127.0.0.1', port };
    const alone = engineOf('silent', { servers: [quiet], connectTimeoutMs: 500 });
    await expect(alone.open()).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE', retryable: true });
    const both = await opened('silent', { servers: [quiet, server], connectTimeoutMs: 2_000 });
    expect(await store(both, 's', 0, newEvents(1))).toBe(1);
    await both.close();
    silent.close();
  });

  it('gives up on a server that falls silent later, and goes on when it speaks again', async () => {
    const engine = await opened('frozen', { queryTimeoutMs: 1_500, connectTimeoutMs: 1_500 });
    await store(engine, 's', 0, newEvents(1));
    server.kill('SIGSTOP');
    const lost = await engine
      .append({ streamId: 's', expectedVersion: 1, events: newEvents(1) })
      .catch((error) => error);
    expect(lost).toMatchObject({ retryable: true, outcomeUnknown: true });
    server.kill('SIGCONT');
    // What was sent to it may land now, or may not.
    const next = newEvents(1);
    const result = await engine.append({ streamId: 's', expectedVersion: 1, events: next });
    if (result.kind === 'conflict') expect(await store(engine, 's', 2, next)).toBe(3);
    const ids = (await engine.readStream('s', 0, 10)).map(({ id }) => id);
    expect(ids).toHaveLength(result.kind === 'conflict' ? 3 : 2);
    expect(ids.at(-1)).toBe(next[0]?.id);
    await engine.close();
  });

  it('says that the password is wrong, and does not try for ever', async () => {
    const locked = await RethinkDbProcess.start({ password: 'right' });
    const wrong = engineOf('x', { servers: [locked], password: 'wrong' });
    await expect(wrong.open()).rejects.toMatchObject({ code: 'AUTH_FAILED', retryable: false });
    const right = await opened('x', { servers: [locked], password: 'right' });
    await right.close();
    await locked.stop();
  });

  it('says that a table was dropped, and does not make an empty one in its place', async () => {
    const engine = await opened('dropped');
    await store(engine, 's', 0, newEvents(2));
    await withDriver(server, async (r, run) =>
      run((r.db('dropped') as unknown as { tableDrop(name: string): never }).tableDrop('commits')),
    );
    for (const work of [
      engine.append({ streamId: 's', expectedVersion: 2, events: newEvents(1) }),
      engine.readStream('s', 0, 10),
    ]) {
      await expect(work).rejects.toMatchObject({ code: 'TABLE_MISSING', retryable: false });
    }
    expect(await withDriver(server, (r, run) => run(r.db('dropped').tableList()))).not.toContain('commits');
    await engine.close();
  });

  it('names the document that somebody changed by hand, and serves all others', async () => {
    const engine = await opened('edited');
    await store(engine, 'edited', 0, newEvents(2));
    await store(engine, 'whole', 0, newEvents(2));
    const key = commitKeyOf('edited', 1);
    for (const change of [
      { events: 'gone' },
      { events: [] },
      { events: [{ id: 1 }, { id: 2 }] },
      { stream: 'other' },
    ]) {
      await withDriver(server, async (r, run) => run(r.db('edited').table('commits').get(key).update(change)));
      const error = await engine.readStream('edited', 0, 10).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'COMMIT_UNREADABLE', retryable: false });
      expect((error as Error).message).toContain(key);
    }
    expect(await readWhole(engine, 'whole')).toHaveLength(2);
    await engine.close();
  });

  it('names the document that is missing between others, instead of leaving it out', async () => {
    const engine = await opened('lost');
    // Each is placed before the next is stored, so that each has an entry of its own.
    for (let i = 1; i <= 3; i += 1) {
      await store(engine, 'lost', 'any', newEvents(2));
      while ((await engine.lastPosition()) < 2 * i) await sleep(10);
    }
    const key = commitKeyOf('lost', 3);
    await withDriver(server, async (r, run) => {
      await run(r.db('lost').table('commits').get(key).delete());
      await run(r.db('lost').table('log').get(2).delete());
    });
    expect(await engine.readStream('lost', 0, 10)).toHaveLength(2);
    const missing = await engine.readStream('lost', 2, 10).catch((caught: unknown) => caught);
    expect(missing).toMatchObject({ code: 'COMMIT_UNREADABLE', message: expect.stringContaining(key) });
    const unplaced = await engine.readAll(2, 10).catch((caught: unknown) => caught);
    expect(unplaced).toMatchObject({
      code: 'COMMIT_UNREADABLE',
      message: expect.stringContaining("document 2 of table 'log'"),
    });
    await engine.close();
  });

  it.each([
    ['no list of batches', { commits: '[]', count: 1 }],
    ['a list of commits that is none', { batches: ['x'], commits: 7, count: 1 }],
    ['nothing in it at all', {}],
  ])('names the entry of the log that somebody left with %s, and goes on telling of others', async (what, rest) => {
    const database = `edited_${what.replace(/ /g, '_')}`;
    const [engine, writer] = [await opened(database), await opened(database)];
    await store(writer, 's', 0, newEvents(2));
    const told: number[] = [];
    await engine.watchStream('s', (events) => void told.push(...events.map(({ version }) => version)));
    await engine.watchAll(() => {});
    await untilPlaced(writer, 2);
    await withDriver(server, async (r, run) =>
      run(
        r
          .db(database)
          .table('log')
          .get(0)
          .replace({ id: 0, ...rest }),
      ),
    );
    await sleep(1_500);
    await expect(engine.readAll(0, 10)).rejects.toMatchObject({
      code: 'COMMIT_UNREADABLE',
      message: expect.stringContaining("document '0' of table 'log'"),
    });
    await store(writer, 's', 2, newEvents(1));
    const deadlineMs = Date.now() + patientMs(3_000);
    while (!told.includes(3) && Date.now() < deadlineMs) await sleep(20);
    expect(told).toContain(3);
    await engine.close();
    await writer.close();
  });

  it('keeps long and odd ids apart', async () => {
    const engine = await opened('ids');
    const long = 'x'.repeat(990);
    const ids = [
      `${long}1`,
      `${long}2`,
      'a',
      'a:0000000000000001',
      'a%3a',
      'a:',
      '#a',
      '%23a',
      'жук'.repeat(60),
      'жук'.repeat(61),
    ];
    for (const [i, id] of ids.entries()) await store(engine, id, 0, newEvents(i + 1));
    for (const [i, id] of ids.entries()) {
      const events = await readWhole(engine, id, 3);
      expect(events).toHaveLength(i + 1);
      expect(events.every(({ streamId }) => streamId === id)).toBe(true);
    }
    await engine.close();
  });

  it('gives positions to what a writer stored that died before it could', async () => {
    const engine = await opened('orphans');
    await store(engine, 's', 0, newEvents(3));
    const events = newEvents(2);
    const key = commitKeyOf('dead', 1);
    await withDriver(server, async (r, run) => {
      const commit = { stream: 'dead', first: 1, count: 2, names: ['happened'], event: events[0]?.id as string };
      const lost = { stream: 'never', first: 1, count: 1, names: ['happened'], event: 'nobody' };
      const announcement = (id: string, about: PlacedCommit) => ({ id, commits: new Batch(id, [about]).text });
      const edited = { id: ':a edited by hand', commits: '[' };
      const announcements = [edited, announcement(':batch', commit), announcement(':never stored', lost)];
      await run(r.db('orphans').table('commits').insert(announcements));
      await run(r.db('orphans').table('commits').insert({ id: key, stream: 'dead', first: 1, last: 2, events }));
    });
    const other = await opened('orphans');
    const deadlineMs = Date.now() + patientMs(15_000);
    while ((await engine.lastPosition()) < 5 && Date.now() < deadlineMs) await sleep(50);
    await sleep(3_500);
    const all = await readStore(engine, []);
    expect(all.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5]);
    expect(all.slice(3).map(({ id }) => id)).toEqual(events.map(({ id }) => id));
    await Promise.all([engine.close(), other.close()]);
  });

  it('has nodes agree whose clocks are an hour apart', async () => {
    class OtherClock extends Clock {
      constructor(private readonly offsetMs: number) {
        super();
      }
      now(): number {
        return Date.now() + this.offsetMs;
      }
    }
    const nodes = [];
    for (const [i, offsetMs] of [0, 3_600_000, -3_600_000].entries()) {
      const options = {
        engine: engineOf('clocks'),
        clock: new OtherClock(offsetMs),
        nodeId: `n${i}`,
        heartbeatTimeoutMs: 1_500,
      };
      nodes.push(await startNode(Desk, options));
    }
    await Promise.all(nodes.map(({ node }) => node.parts.cluster.start()));
    await Promise.all(nodes.map(({ node }) => node.parts.cluster.membership.refresh()));
    const desks = await Promise.all(nodes.map(({ actors }) => actors.get('d')));
    for (let i = 0; i < 12; i += 1) expect(await desks[i % 3]?.sell(`${i}`)).toBe(i + 1);
    expect(desks.filter((desk) => desk.isLeader)).toHaveLength(1);
    await sleep(3_000);
    expect(await desks[1]?.sell('after')).toBe(13);
    const leaders = (await nodes[0]?.node.parts.engine.readStream('d', 0, 100))?.filter(
      ({ name }) => name === '$leader',
    );
    expect(leaders).toHaveLength(1);
    for (const { node } of nodes) await node.stop();
  });
});
