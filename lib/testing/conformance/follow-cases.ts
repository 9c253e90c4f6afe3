import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import type { Engine } from '../../engine/engine.js';
import { StoreFollower } from '../../engine/store-follower.js';
import { StreamFollower } from '../../engine/stream-follower.js';
import type { EventRecord } from '../../kernel/event.js';
import { type ConformanceCase, eventually, newEvents, pause, readStore, readWhole, store } from './conformance-case.js';

/** Longest an engine may take to wake a watcher in a case; far more than it should, for slow machines. */
const WAKE_MS_MAX = 2_000;
/** Longest a follower may take to see all that two writers stored. */
const FOLLOW_MS_MAX = 5_000;

export const followCases: readonly ConformanceCase[] = [
  {
    duty: 'follow',
    name: 'wakes a watcher of a stream for commits of its own node and of others, and of no other stream',
    async run(engines) {
      const [one, two] = await engines(2);
      let wakes = 0;
      let foreign = 0;
      await one.watchStream('s', (events) => {
        wakes += 1;
        foreign += events.filter(({ streamId }) => streamId !== 's').length;
      });
      await store(one, 's', 0, newEvents(1));
      await eventually('a wake-up for the own commit', () => wakes > 0, WAKE_MS_MAX);
      await pause(20);
      const before = wakes;
      await store(two as Engine, 's', 1, newEvents(1));
      await eventually("a wake-up for another node's commit", () => wakes > before, WAKE_MS_MAX);
      await store(two as Engine, 'other', 0, newEvents(1));
      await pause(20);
      assert.equal(foreign, 0);
    },
  },
  {
    duty: 'follow',
    name: 'wakes a watcher of the store for every stream, on every node',
    async run(engines) {
      const nodes = await engines(2);
      const heard = [0, 0];
      await Promise.all(nodes.map((engine, i) => engine.watchAll(() => (heard[i] = (heard[i] as number) + 1))));
      for (const id of ['a', 'b']) {
        const before = [...heard];
        await store(nodes[0], id, 0, newEvents(1));
        await eventually(
          'both nodes wake',
          () => heard.every((count, i) => count > (before[i] as number)),
          WAKE_MS_MAX,
        );
        await pause(20);
      }
    },
  },
  {
    duty: 'follow',
    name: 'is silent after unwatch, which may be called twice; other watches go on',
    async run(engines) {
      const [engine] = await engines();
      const heard = { first: 0, second: 0 };
      const unwatch = await engine.watchStream('s', () => (heard.first += 1));
      await engine.watchStream('s', () => (heard.second += 1));
      unwatch();
      unwatch();
      await store(engine, 's', 0, newEvents(1));
      await eventually('the other watch wakes', () => heard.second > 0, WAKE_MS_MAX);
      await pause(20);
      assert.equal(heard.first, 0);
    },
  },
  {
    duty: 'follow',
    name: 'a stream follower gives history, then live, without gap or repeat, stopped and restarted at random under writers on two nodes',
    async run(engines) {
      const nodes = await engines(2);
      await Promise.all(nodes.map((engine) => store(engine, 's', 'any', newEvents(20))));
      const writing = Promise.all(nodes.map((engine) => writeAtRandom(engine, ['s'])));
      const seen = await followInPieces(
        writing,
        (after, take, fail) => {
          const follower = new StreamFollower(nodes[0], 's', { after, onEvents: take, onError: fail });
          follower.start();
          return follower;
        },
        (event) => event.version,
        async () => (await readWhole(nodes[1] as Engine, 's')).length,
      );
      assert.deepEqual(ids(seen), ids(await readWhole(nodes[0], 's')));
    },
  },
  {
    duty: 'follow',
    name: 'a store follower gives all streams in order of position, stopped and restarted at random under writers on two nodes',
    async run(engines) {
      const nodes = await engines(2);
      await store(nodes[0], 'a', 0, newEvents(20));
      const writing = Promise.all(nodes.map((engine) => writeAtRandom(engine, ['a', 'b', 'c'])));
      const seen = await followInPieces(
        writing,
        (after, take, fail) => {
          const follower = new StoreFollower(nodes[1] as Engine, { after, onEvents: take, onError: fail });
          follower.start();
          return follower;
        },
        (event) => event.position,
        async () => (await readStore(nodes[0])).length,
      );
      assert.deepEqual(ids(seen), ids(await readStore(nodes[0])));
    },
  },
];

async function writeAtRandom(engine: Engine, streamIds: readonly string[]): Promise<void> {
  for (let i = 0; i < 60; i += 1) {
    await store(engine, streamIds[randomInt(streamIds.length)] as string, 'any', newEvents(randomInt(1, 4)));
    if (randomInt(4) === 0) await pause(randomInt(4));
  }
}

type NewFollower = (
  after: number,
  take: (events: readonly EventRecord[]) => void,
  fail: (error: unknown) => void,
) => { stop(): void };

/** Follows in many short lives, each resuming where the last one ended, until the writers are done and everything was seen. */
async function followInPieces(
  writing: Promise<unknown>,
  newFollower: NewFollower,
  placeOf: (event: EventRecord) => number,
  total: () => Promise<number>,
): Promise<EventRecord[]> {
  const seen: EventRecord[] = [];
  let failure: unknown;
  let done = false;
  void writing.then(
    () => (done = true),
    (error) => (failure ??= error),
  );
  const deadlineMs = Date.now() + FOLLOW_MS_MAX;
  for (;;) {
    const last = seen.at(-1);
    const follower = newFollower(
      last ? placeOf(last) : 0,
      (events) => seen.push(...events),
      (error) => (failure ??= error),
    );
    await pause(randomInt(1, 15));
    follower.stop();
    const atStop = seen.length;
    await pause(randomInt(3));
    assert.equal(seen.length, atStop, 'events came after stop()');
    if (failure) throw failure;
    if (done && seen.length >= (await total())) return seen;
    assert.ok(Date.now() < deadlineMs, `only ${seen.length} events were seen within ${FOLLOW_MS_MAX} ms`);
  }
}

function ids(events: readonly EventRecord[]): string[] {
  return events.map(({ id }) => id);
}
