import assert from 'node:assert/strict';
import type { Engine } from '../../engine/duties/index.js';
import { StoreFollower, StreamFollower } from '../../engine/reading/index.js';
import type { EventRecord } from '../../kernel/values/index.js';
import {
  type ConformanceCase,
  eventually,
  followInPieces,
  newEvents,
  type OpenEngines,
  pause,
  randomInt,
  readStore,
  readWhole,
  store,
  writeAtRandom,
} from './kit/index.js';

/**
 * Longest that an engine may take to wake a watcher in a case. It is far more than it should take, for slow machines.
 * Milliseconds.
 */
const WAKE_MS_MAX = 2_000;

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
    name: 'wakes for every commit after the watch has begun, on any node, however soon',
    async run(engines) {
      const nodes = await engines(2);
      for (let i = 0; i < 30; i += 1) {
        const heard = [0, 0];
        const watching = nodes[i % 2] as Engine;
        await watching.watchStream(`s${i}`, () => (heard[0] = (heard[0] as number) + 1));
        await watching.watchAll(() => (heard[1] = (heard[1] as number) + 1));
        await store(nodes[(i >> 1) % 2] as Engine, `s${i}`, 0, newEvents(1));
        await eventually(`wake-ups for commit ${i}`, () => heard.every((count) => count > 0), WAKE_MS_MAX);
      }
    },
  },
  {
    duty: 'follow',
    name: 'brings with a wake-up only events that are stored, as they are stored',
    async run(engines) {
      const nodes = await engines(2);
      const brought: EventRecord[] = [];
      await nodes[0].watchStream('s', (events) => brought.push(...events));
      await nodes[0].watchAll((events) => brought.push(...events));
      let wakes = 0;
      await nodes[0].watchAll(() => (wakes += 1));
      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          store(nodes[i % 2] as Engine, i % 3 ? 's' : 't', 'any', newEvents(1 + (i % 3))),
        ),
      );
      await nodes[1]?.append({ streamId: 's', expectedVersion: 1, events: newEvents(1) });
      await eventually('a wake-up', () => wakes > 0, WAKE_MS_MAX);
      await pause(50);
      const stored = new Map((await readStore(nodes[0], ['s', 't'])).map((event) => [event.id, event]));
      for (const event of brought) {
        const expected = stored.get(event.id);
        assert.deepEqual(event, expected && { ...expected, position: event.position && expected.position });
      }
    },
  },
  {
    duty: 'follow',
    name: 'brings with a wake-up all of a commit up to its last event, or nothing, and what it brings can be read at once',
    async run(engines) {
      const nodes = await engines(2);
      const [watching] = nodes;
      let told = 0;
      const reads: Promise<void>[] = [];
      const mustBeThere = async ({ version, position }: EventRecord) => {
        const [found] = await watching.readStream('s', version - 1, 1);
        assert.equal(found?.version, version, `version ${version} was brought by a wake-up and could not be read`);
        if (position === 0) return;
        const { events, upTo } = await watching.readAll(position - 1, 1);
        assert.deepEqual([events[0]?.position, upTo], [position, position], 'a wake-up brought a position too early');
      };
      await watching.watchStream('s', (events) => {
        told = Math.max(told, events.at(-1)?.version ?? Number.POSITIVE_INFINITY);
        reads.push(...events.map(mustBeThere));
      });
      for (let version = 0; version < 40; ) {
        told = 0;
        const count = 2 + randomInt(3);
        await store(nodes[randomInt(2)] as Engine, 's', version, newEvents(count));
        version += count;
        await eventually(`a wake-up for version ${version}`, () => told >= version, WAKE_MS_MAX);
      }
      await Promise.all(reads);
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
      const writing = writeAtRandom(nodes, ['s']);
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
    run: (engines) => followStoreInPieces(engines),
  },
  {
    duty: 'follow',
    name: 'a store follower gives the events of some names likewise',
    run: (engines) => followStoreInPieces(engines, ['rare', 'never']),
  },
];

async function followStoreInPieces(engines: OpenEngines, names?: readonly string[]): Promise<void> {
  const nodes = await engines(2);
  await store(nodes[0], 'a', 0, [...newEvents(20), ...newEvents(3, 'rare')]);
  const writing = writeAtRandom(nodes, ['a', 'b', 'c']);
  const seen = await followInPieces(
    writing,
    (after, take, fail) => {
      const options = { after, onEvents: take, onError: fail, ...(names && { names }) };
      const follower = new StoreFollower(nodes[1] as Engine, options);
      follower.start();
      return follower;
    },
    (event) => event.position,
    async () => (await readStore(nodes[0], ['a', 'b', 'c'], 1_000, names)).length,
  );
  const stored = (await readStore(nodes[0], ['a', 'b', 'c'])).filter(({ name }) => !names || names.includes(name));
  assert.deepEqual(ids(seen), ids(stored));
}

function ids(events: readonly EventRecord[]): string[] {
  return events.map(({ id }) => id);
}
