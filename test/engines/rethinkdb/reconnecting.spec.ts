import { afterAll, beforeAll, it } from '@jest/globals';
import { Runtime } from '../../../lib/runtime/node/runtime.js';
import { newEvent, newEvents } from '../../../lib/testing/conformance/kit/conformance-case.js';
import { eventually } from '../../support/eventually.js';
import { type FaultyNetwork, startProxy } from '../../support/proxy.js';
import { describeWithRethinkDb, engineOn, RethinkDbProcess, stopRethinkDb } from '../../support/rethinkdb.js';
import { silent } from '../../support/runtime.js';

const WRITERS = 8;
const RECONNECTING = 30;
const RECONNECT_MS = 100;
/** A round trip takes twice as long. Milliseconds. */
const WAY_MS = 12;
/** Commits between two of the rare name. */
const RARE_EVERY = 50;

describeWithRethinkDb('subscribers of the whole store behind a slow line, while others write without a pause', () => {
  let network: FaultyNetwork;
  let writer: Runtime;
  let reader: Runtime;

  beforeAll(async () => {
    const server = await RethinkDbProcess.start();
    network = await startProxy(server.port);
    writer = new Runtime({ engine: engineOn(server), log: silent });
    await writer.start();
    reader = new Runtime({ engine: engineOn(network), log: silent });
    await reader.start();
    network.delay(WAY_MS);
  });
  afterAll(async () => {
    network.heal();
    await Promise.all([reader.stop(), writer.stop()]);
    await network.stop();
    await stopRethinkDb();
  });

  it('get what is stored as it is stored, also of a rare name, and also if thirty others come and go', async () => {
    const { engine } = writer.parts;
    for (let i = 0; i < 20; i += 1)
      await engine.append({ streamId: 'past', expectedVersion: 'any', events: newEvents(100) });
    let stored = 0;
    let isOver = false;
    const write = async (streamId: string) => {
      while (!isOver) {
        stored += 1;
        const event = newEvent(stored % RARE_EVERY === 0 ? 'rare' : 'common');
        await engine.append({ streamId, expectedVersion: 'any', events: [event] });
      }
    };
    const comeAndGo = async () => {
      for (let after = 0; !isOver; ) {
        const subscription = reader.subscriptions.all$({ after }).subscribe(({ position }) => {
          after = position as number;
        });
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
        subscription.unsubscribe();
      }
    };
    const seen = { all: 0, named: 0, rare: 0 };
    const { subscriptions } = reader;
    const staying = [
      subscriptions.all$().subscribe(() => (seen.all += 1)),
      subscriptions.named$(['common']).subscribe(() => (seen.named += 1)),
      subscriptions.named$(['rare']).subscribe(() => (seen.rare += 1)),
    ];
    const working = Array.from({ length: WRITERS }, (_, i) => write(`s${i}`));
    try {
      await eventually(() => seen.rare >= 3, 30_000);
      working.push(...Array.from({ length: RECONNECTING }, comeAndGo));
      const before = { ...seen };
      await eventually(() => seen.rare >= before.rare + 5, 30_000);
      await eventually(() => Math.min(seen.all - before.all, seen.named - before.named) > 5 * RARE_EVERY, 30_000);
    } finally {
      isOver = true;
      for (const subscription of staying) subscription.unsubscribe();
      await Promise.all(working);
    }
  });
});
