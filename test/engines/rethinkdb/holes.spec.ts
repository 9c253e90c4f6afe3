import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { RethinkDbEngine } from 'omniscient-nest/rethinkdb';
import { newEvents, store } from '../../../lib/testing/conformance/kit/conformance-case.js';
import { describeWithRethinkDb, RethinkDbProcess, stopRethinkDb } from '../../support/rethinkdb.js';

const WRITERS = 6;
const COMMITS = 1_500;

/** A query over a table sees its parts one after another: what is written while it runs may be seen without what was written before it. */
describeWithRethinkDb('reading while others write', () => {
  let server: RethinkDbProcess;
  let writers: RethinkDbEngine[];
  let reader: RethinkDbEngine;

  beforeAll(async () => {
    server = await RethinkDbProcess.start();
    writers = Array.from({ length: WRITERS }, () => new RethinkDbEngine({ servers: [server], warn: () => {} }));
    reader = new RethinkDbEngine({ servers: [server], warn: () => {} });
    for (const engine of [...writers, reader]) await engine.open();
  });
  afterAll(async () => {
    for (const engine of [...writers, reader]) await engine.close();
    await stopRethinkDb();
  });

  it('shows no event before those that come before it', async () => {
    let writing = true;
    const written = Promise.all(
      writers.map(async (engine, w) => {
        for (let i = 0; i < COMMITS / 10; i += 1) {
          // One commit at a time on the stream that is read, and some beside it so that the log moves on.
          await Promise.all(
            Array.from({ length: 5 }, (_, k) =>
              store(engine, k === 0 ? `long-${w}` : `w${w}-${k}`, 'any', newEvents(1)),
            ),
          );
        }
      }),
    ).finally(() => {
      writing = false;
    });
    const places = { all: 0, stream: 0 };
    const inOrder = async (place: keyof typeof places, read: () => Promise<number[]>) => {
      const found = await read();
      expect(found).toEqual(found.map((_, i) => places[place] + i + 1));
      places[place] += found.length;
      return found.length;
    };
    const look = () =>
      Promise.all([
        inOrder('all', async () => (await reader.readAll(places.all, 1_000)).events.map(({ position }) => position)),
        inOrder('stream', async () =>
          (await reader.readStream('long-0', places.stream, 1_000)).map(({ version }) => version),
        ),
      ]);
    while (writing) await look();
    await written;
    const all = WRITERS * (COMMITS / 10) * 5;
    const beganMs = performance.now();
    const isBehind = () => places.all < all || places.stream < COMMITS / 10;
    while (isBehind() && performance.now() - beganMs < 20_000) await look();
    expect(places).toEqual({ all, stream: COMMITS / 10 });
  });
});
