import assert from 'node:assert/strict';
import type { Engine, StorePage } from '../../engine/duties/index.js';
import { SYSTEM, turnOfTheLoop } from '../../engine/environment/index.js';
import type { EventRecord } from '../../kernel/values/index.js';
import {
  type ConformanceCase,
  newEvent,
  newEvents,
  pause,
  positionsGiven,
  randomInt,
  readStore,
  readWhole,
  store,
} from './kit/index.js';

/** The streams of several cases. */
const ABC = ['a', 'b', 'c'];

export const readCases: readonly ConformanceCase[] = [
  {
    duty: 'read',
    name: 'gives a stream in pages, after any version, and nothing for one that does not exist',
    async run(engines) {
      const [engine] = await engines();
      await store(engine, 's', 0, newEvents(25));
      await store(engine, 'other', 0, newEvents(3));
      assert.deepEqual(
        (await engine.readStream('s', 10, 5)).map(({ version }) => version),
        [11, 12, 13, 14, 15],
      );
      assert.equal((await readWhole(engine, 's', 7)).length, 25);
      assert.deepEqual(await engine.readStream('s', 25, 5), []);
      assert.deepEqual(await engine.readStream('none', 0, 5), []);
    },
  },
  {
    duty: 'read',
    name: "knows a stream's version, also one that another node moved",
    async run(engines) {
      const [one, two] = await engines(2);
      assert.equal(await one.streamVersion('s'), 0);
      await store(two as Engine, 's', 0, newEvents(4));
      assert.equal(await one.streamVersion('s'), 4);
    },
  },
  {
    duty: 'read',
    name: 'sees what any node has acknowledged, at once',
    async run(engines) {
      const [one, two] = await engines(2);
      for (let i = 0; i < 20; i += 1) {
        await store((i % 2 ? one : two) as Engine, 's', i, newEvents(1));
        assert.equal((await (i % 2 ? (two as Engine) : one).readStream('s', i, 10)).length, 1);
      }
    },
  },
  {
    duty: 'read',
    name: 'gives the whole store in order of position, each event once, its stream in order',
    async run(engines) {
      const nodes = await engines(2);
      for (let i = 0; i < 10; i += 1) {
        await Promise.all(
          ['a', 'b', 'c'].map((id, n) => store(nodes[n % 2] as Engine, id, 'any', newEvents(1 + (i % 3)))),
        );
      }
      const all = await readStore(nodes[0], ABC, 7);
      assertGrowing(all);
      for (const id of ['a', 'b', 'c']) {
        const own = all.filter(({ streamId }) => streamId === id);
        assert.deepEqual(
          own.map(({ id: event }) => event),
          (await readWhole(nodes[0], id)).map(({ id: event }) => event),
        );
      }
      assert.equal(await nodes[0].lastPosition(), all.at(-1)?.position);
    },
  },
  {
    duty: 'read',
    name: 'gives every event the same position on every node and at every reading',
    async run(engines) {
      const [one, two] = await engines(2);
      await Promise.all(
        ['a', 'b', 'c'].flatMap((id) => [one, two].map((engine) => store(engine as Engine, id, 'any', newEvents(5)))),
      );
      const positions = (events: readonly EventRecord[]) => events.map(({ id, position }) => `${position}: ${id}`);
      const first = positions(await readStore(one, ABC));
      await store(two as Engine, 'b', 'any', newEvents(3));
      assert.deepEqual(positions(await readStore(one, ABC, 4)).slice(0, 30), first);
      assert.deepEqual(positions(await readStore(two as Engine, ABC)).slice(0, 30), first);
      assert.deepEqual(positions(await readStore(two as Engine, ABC, 10, ['happened'])).slice(0, 30), first);
    },
  },
  {
    duty: 'read',
    name: 'gives only events of the names asked for, whatever the names are',
    async run(engines) {
      const [engine] = await engines();
      const names = ["it's", 'a"b', 'happened', '漢字', 'a,b'];
      for (const name of names) await store(engine, 's', 'any', [newEvent(name), newEvent('noise')]);
      const found = await readStore(engine, ['s'], 2, ["it's", '漢字', 'a,b', 'never']);
      assert.deepEqual(
        found.map(({ name }) => name),
        ["it's", '漢字', 'a,b'],
      );
      assertGrowing(found);
    },
  },
  {
    duty: 'read',
    name: 'never shows an event at a position below one already read, while two nodes write',
    async run(engines) {
      const nodes = await engines(2);
      const seen: EventRecord[] = [];
      let writing = true;
      const writers = nodes.map(async (engine, n) => {
        for (let i = 0; i < 40; i += 1) {
          await store(engine, `s${n}-${i % 5}`, 'any', newEvents(1 + (i % 4)));
          if (i % 4 === 0) await pause(1);
        }
      });
      const reader = (async () => {
        while (writing) {
          seen.push(...(await nodes[0].readAll(seen.at(-1)?.position ?? 0, 10)).events);
          await turnOfTheLoop(SYSTEM);
        }
      })();
      await Promise.all(writers);
      writing = false;
      await reader;
      const streamIds = [0, 1].flatMap((n) => [0, 1, 2, 3, 4].map((i) => `s${n}-${i}`));
      await positionsGiven(nodes[0], streamIds);
      const rest = (await readStore(nodes[0], [])).slice(seen.length);
      assert.deepEqual(
        [...seen, ...rest].map(({ id }) => id),
        (await readStore(nodes[1] as Engine, streamIds)).map(({ id }) => id),
      );
      assert.equal(seen.length + rest.length, 200);
    },
  },
  {
    duty: 'read',
    name: 'reports with each page of the store how far it looked, and continues there, while two nodes write',
    async run(engines) {
      const nodes = await engines(3);
      const reader = nodes[2] as Engine;
      let writing = true;
      const writers = nodes.slice(0, 2).map(async (engine, n) => {
        for (let i = 0; i < 30; i += 1) {
          const name = randomInt(3) === 0 ? 'rare' : 'common';
          await store(engine, `s${n}-${i % 3}`, 'any', newEvents(1 + randomInt(4), name));
          if (i % 4 === 0) await pause(1);
        }
      });
      const pages: { after: number; page: StorePage }[] = [];
      const reading = (async () => {
        for (let after = 0; writing; ) {
          const page = await reader.readAll(after, 1 + randomInt(5), ['rare']);
          pages.push({ after, page });
          after = page.upTo;
          await turnOfTheLoop(SYSTEM);
        }
      })();
      await Promise.all(writers).finally(() => (writing = false));
      await reading;
      const all = await readStore(
        reader,
        [0, 1].flatMap((n) => [0, 1, 2].map((i) => `s${n}-${i}`)),
        7,
        ['rare'],
      );
      for (const { after, page } of pages) {
        const { events, upTo, ended } = page;
        const owed = all.filter(({ position }) => position > after && position <= upTo);
        assert.deepEqual(idsOf(events), idsOf(owed), `the page after ${after} says that it holds all up to ${upTo}`);
        assert.ok(ended || upTo > after, `the page after ${after} is not the last, and goes no further`);
      }
    },
  },
  {
    duty: 'read',
    name: 'goes through a long past of other names to its end, and says where that is',
    async run(engines) {
      const [engine] = await engines();
      await store(engine, 's', 'any', newEvents(1, 'rare'));
      for (let i = 0; i < 3; i += 1) await store(engine, 's', 'any', newEvents(1_000));
      await store(engine, 's', 'any', newEvents(1, 'rare'));
      await positionsGiven(engine, ['s']);
      const last = await engine.lastPosition();
      for (const [names, count] of [
        [['rare'], 2],
        [['never', 'nobody'], 0],
      ] as const) {
        const found: EventRecord[] = [];
        let [upTo, ended] = [0, false];
        while (!ended) {
          const page = await engine.readAll(upTo, 10, names);
          found.push(...page.events);
          assert.ok(page.ended || page.upTo > upTo, `a page that is not the last goes no further than ${upTo}`);
          ({ upTo, ended } = page);
        }
        assert.deepEqual([found.length, upTo], [count, last]);
      }
      // A reader that has seen more than there is, because the store was restored, is not sent back.
      assert.deepEqual(await engine.readAll(last + 5, 10), { events: [], upTo: last + 5, ended: true });
    },
  },
];

function idsOf(events: readonly EventRecord[]): string[] {
  return events.map(({ id }) => id);
}

function assertGrowing(events: readonly EventRecord[]): void {
  let last = 0;
  for (const { position } of events) {
    assert.ok(position > last, `position ${position} came after ${last}`);
    last = position;
  }
}
