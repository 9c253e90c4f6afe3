import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EngineError } from 'omniscient-nest';
import type { RethinkDbEngine } from 'omniscient-nest/rethinkdb';
import type { Term } from '../../../lib/engines/rethinkdb/connections/driver.js';
import { newEvents, readWhole } from '../../../lib/testing/conformance/kit/conformance-case.js';
import { patientMs } from '../../support/machine-speed.js';
import {
  describeWithRethinkDb,
  engineOn,
  type RethinkDbProcess,
  startRethinkDbCluster,
  stopRethinkDb,
  withDriver,
} from '../../support/rethinkdb.js';

/** Longest until a cluster has other primaries, or a node another server. Milliseconds. */
const SETTLED_MS_MAX = 25_000;

/** Stores one event, however often that takes. */
async function storeOne(engine: RethinkDbEngine): Promise<void> {
  const deadlineMs = performance.now() + patientMs(SETTLED_MS_MAX);
  for (;;) {
    try {
      await engine.append({ streamId: 's', expectedVersion: 'any', events: newEvents(1) });
      return;
    } catch (error) {
      if (!(error instanceof EngineError && error.retryable) || performance.now() > deadlineMs) throw error;
      await sleep(100);
    }
  }
}

describeWithRethinkDb('three servers of which not all are in reach', () => {
  let servers: RethinkDbProcess[];
  let engine: RethinkDbEngine;

  beforeAll(async () => {
    servers = await startRethinkDbCluster(3, { cacheMb: 64 });
    engine = engineOn(servers[0] as RethinkDbProcess, { servers });
    await engine.open();
    await storeOne(engine);
  });
  afterAll(stopRethinkDb);

  it('let a new node start, and make what it misses, while one is down', async () => {
    const [first, , third] = servers as [RethinkDbProcess, RethinkDbProcess, RethinkDbProcess];
    await third.end();
    await storeOne(engine);
    const late = engineOn(first);
    await late.open();
    expect((await readWhole(late, 's')).length).toBeGreaterThan(0);
    await late.close();

    await withDriver(first, async (r, run) => {
      const schedules = r.db('omniscient').table('schedules') as unknown as { indexDrop(name: string): Term };
      await run(schedules.indexDrop('owner'));
    });
    const later = engineOn(first);
    await later.open();
    expect(await later.scheduleOwners()).toEqual([]);
    await later.close();

    const elsewhere = engineOn(first, { database: 'elsewhere' });
    await elsewhere.open();
    await storeOne(elsewhere);
    await elsewhere.close();
  });

  it('are left by a node whose server is cut off from the other two, and are not chosen by one that starts', async () => {
    const [first, second, third] = servers as [RethinkDbProcess, RethinkDbProcess, RethinkDbProcess];
    let woken = 0;
    const stop = await engine.watchStream('s', () => {
      woken += 1;
    });
    await second.end();
    await second.restartWith([]);
    await third.restartWith([second]);
    const other = engineOn(second);
    await other.open();
    await storeOne(other);
    // Its server answers, and has nobody to ask.
    expect(first.pid).toBeDefined();
    await storeOne(engine);
    const late = engineOn(first, { servers });
    await late.open();
    await late.close();

    const deadlineMs = performance.now() + patientMs(SETTLED_MS_MAX);
    for (const before = woken; woken === before && performance.now() < deadlineMs; ) {
      await storeOne(other);
      await sleep(500);
    }
    expect(performance.now()).toBeLessThan(deadlineMs);
    expect(await readWhole(engine, 's')).toEqual(await readWhole(other, 's'));
    stop();
  });
});
