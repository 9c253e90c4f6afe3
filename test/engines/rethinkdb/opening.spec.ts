import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { FaultyNetwork } from '../../support/proxy.js';
import { describeWithRethinkDb, engineOn, RethinkDbProcess, stopRethinkDb } from '../../support/rethinkdb.js';

describeWithRethinkDb('a RethinkDB engine that is closed while it is being opened', () => {
  let network: FaultyNetwork;

  beforeAll(async () => {
    const server = await RethinkDbProcess.start();
    network = await FaultyNetwork.start(server);
    const engine = engineOn(network);
    await engine.open();
    await engine.close();
  });
  afterAll(async () => {
    await stopRethinkDb();
    await network.stop();
  });

  it.each([0, 1, 5, 20, 50])('is closed, and leaves no connection, however far it has come: %i ms', async (ms) => {
    const engine = engineOn(network);
    const opening = engine.open().then(
      () => 'open',
      (error: unknown) => (error as { code: string }).code,
    );
    if (ms > 0) await sleep(ms);
    await engine.close();
    expect(['open', 'ENGINE_CLOSED']).toContain(await opening);
    await expect(engine.streamVersion('s')).rejects.toMatchObject({ code: 'ENGINE_CLOSED' });
    while (network.connections > 0) await sleep(5);
  });

  it('says so to whoever opens it, at once', async () => {
    const engine = engineOn(network);
    const opening = [engine.open(), engine.open()];
    const outcomes = Promise.allSettled(opening);
    await engine.close();
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { code: 'ENGINE_CLOSED' } });
    await engine.open();
    expect(await engine.streamVersion('s')).toBe(0);
    await engine.close();
  });
});
