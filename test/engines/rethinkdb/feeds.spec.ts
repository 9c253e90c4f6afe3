import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { RethinkDbEngine } from 'omniscient-nest/rethinkdb';
import { StoreFollower } from '../../../lib/engine/reading/store-follower.js';
import { StreamFollower } from '../../../lib/engine/reading/stream-follower.js';
import { newEvents, store } from '../../../lib/testing/conformance/kit/conformance-case.js';
import { LyingFeeds } from '../../support/lying-feeds.js';
import { patientMs } from '../../support/machine-speed.js';
import { describeWithRethinkDb, RethinkDbProcess, stopRethinkDb } from '../../support/rethinkdb.js';
import { randomFrom, seedFor } from '../../support/seed.js';

const STREAMS = ['a', 'b', 'c', 'd', 'e'];
const COMMITS = 120;

/** What goes wrong with changefeeds, each in the way the server's documentation warns of. */
const FAULTS: Readonly<Record<string, (random: () => number) => (changes: unknown[]) => unknown[] | undefined>> = {
  'dies in silence': () => () => undefined,
  'drops half of what happens': (random) => (changes) => changes.filter(() => random() < 0.5),
  'says everything three times': () => (changes) => [...changes, ...changes, ...changes],
  'says it in another order': (random) => (changes) => [...changes].sort(() => random() - 0.5),
  overflows: () => () => [{ error: 'Changefeed cache over array size limit, skipped 7 elements.' }],
};

describeWithRethinkDb('a changefeed is only a wake-up', () => {
  const random = randomFrom(seedFor('feeds'));
  let server: RethinkDbProcess;
  let network: LyingFeeds;
  let writer: RethinkDbEngine;
  let reader: RethinkDbEngine;
  let round = 0;

  beforeAll(async () => {
    server = await RethinkDbProcess.start();
    network = await LyingFeeds.start(server);
    writer = new RethinkDbEngine({ servers: [server], warn: () => {} });
    await writer.open();
  });
  beforeEach(async () => {
    round += 1;
    network.rewrite = undefined;
    reader = new RethinkDbEngine({ servers: [network], warn: () => {} });
    await reader.open();
  });
  afterAll(async () => {
    await writer.close();
    await network.stop();
    await stopRethinkDb();
  });

  it.each(Object.keys(FAULTS))('nobody misses or repeats anything when it %s', async (fault) => {
    const streamIds = STREAMS.map((name) => `${name}-${round}`);
    const seen = new Map<string, number[]>(streamIds.map((id) => [id, []]));
    const all: number[] = [];
    const onError = (error: unknown) => {
      throw error;
    };
    const begin = await reader.lastPosition();
    const followers = streamIds.map(
      (id) =>
        new StreamFollower(reader, id, {
          after: 0,
          onEvents: (events) => seen.get(id)?.push(...events.map(({ version }) => version)),
          onError,
        }),
    );
    const onEvents = (events: readonly { position: number }[]) =>
      void all.push(...events.map(({ position }) => position));
    const whole = new StoreFollower(reader, { after: begin, onEvents, onError });
    for (const follower of [...followers, whole]) follower.start();
    await sleep(100);
    network.rewrite = FAULTS[fault]?.(random);

    const before = network.rewritten;
    let stored = 0;
    for (let i = 0; i < COMMITS; i += 1) {
      const count = 1 + Math.floor(random() * 3);
      await store(writer, streamIds[Math.floor(random() * STREAMS.length)] as string, 'any', newEvents(count));
      stored += count;
      if (random() < 0.1) await sleep(random() * 20);
    }
    const done = () =>
      all.length >= stored && [...seen.values()].reduce((sum, { length }) => sum + length, 0) >= stored;
    const beganMs = performance.now();
    while (!done() && performance.now() - beganMs < patientMs(8_000)) await sleep(10);
    process.stdout.write(
      `a changefeed that ${fault}: the last of ${stored} events seen ${Math.round(performance.now() - beganMs)} ms later\n`,
    );
    for (const follower of [...followers, whole]) follower.stop();
    expect(network.rewritten).toBeGreaterThan(before);
    for (const versions of seen.values()) expect(versions).toEqual(versions.map((_, i) => i + 1));
    expect([...seen.values()].flat()).toHaveLength(stored);
    expect(all).toEqual(all.map((_, i) => begin + i + 1));
    expect(all).toHaveLength(stored);
    await reader.close();
  });
});
