import assert from 'node:assert/strict';
import { CONFLICT_EVENTS_MAX, type Engine } from '../../engine/duties/index.js';
import { appendWithRetry } from '../../engine/writing/index.js';
import {
  assertAppended,
  assertConflict,
  assertStream,
  type ConformanceCase,
  losingFirstAnswer,
  newEvent,
  newEvents,
  readWhole,
  store,
} from './kit/index.js';

const RACERS = 8;
/** Ids that some store may confuse with each other, or take for a part of a query. */
const HOSTILE_IDS = [
  ...[
    'a',
    'A',
    'a ',
    ' a',
    'a\t',
    'a\n',
    'ä',
    'a\u0308',
    'é',
    'ß',
    'ss',
    'İ',
    'i',
    '\u0001',
    '\u001f',
    '\u007f',
    '\ufeff',
  ],
  ...["a'b", 'a"b', 'a/b\\c', 'a:b', 'a*', '%', '_', '$', '0', '00', '__proto__', 'constructor', 'null'],
  ...['漢'.repeat(1_000), `${'漢'.repeat(999)}字`, '🎲'.repeat(500), 'x'.repeat(128), 'x'.repeat(127)],
];

export const appendCases: readonly ConformanceCase[] = [
  {
    duty: 'append',
    name: 'stores events at the expected version, all their texts unchanged, and says at which version',
    async run(engines) {
      const [engine] = await engines();
      const [first, second] = [newEvents(3), newEvents(2, 'then')];
      assert.equal(await store(engine, 's', 0, first), 1);
      assert.equal(await store(engine, 's', 3, second), 4);
      assertStream(await readWhole(engine, 's'), 's', [...first, ...second]);
    },
  },
  {
    duty: 'append',
    name: 'refuses another expected version, stores nothing, and gives what came first in the same answer',
    async run(engines) {
      const [engine] = await engines();
      const events = newEvents(5);
      await store(engine, 's', 0, events);
      const result = await engine.append({ streamId: 's', expectedVersion: 3, events: newEvents(1) });
      assertConflict(result);
      assert.equal(result.version, 5);
      assert.deepEqual(
        result.events.map(({ id, version }) => [id, version]),
        [
          [events[3]?.id, 4],
          [events[4]?.id, 5],
        ],
      );
      assertStream(await readWhole(engine, 's'), 's', events);
    },
  },
  {
    duty: 'append',
    name: 'refuses a stale writer whose expected version falls inside a commit of several events',
    async run(engines) {
      const [one, two] = await engines(2);
      const commit = newEvents(4);
      await store(one, 's', 0, commit);
      for (const expectedVersion of [0, 1, 2, 3]) {
        const result = await (two as Engine).append({ streamId: 's', expectedVersion, events: newEvents(2) });
        assertConflict(result);
        assert.equal(result.events[0]?.version, expectedVersion + 1);
      }
      assertStream(await readWhole(one, 's'), 's', commit);
    },
  },
  {
    duty: 'append',
    name: 'refuses an expected version beyond the end, which would leave a gap',
    async run(engines) {
      const [engine] = await engines();
      const events = newEvents(2);
      await store(engine, 's', 0, events);
      const result = await engine.append({ streamId: 's', expectedVersion: 7, events: newEvents(1) });
      assertConflict(result);
      assert.deepEqual([result.version, result.events.length], [2, 0]);
      assertConflict(await engine.append({ streamId: 'never', expectedVersion: 1, events: newEvents(1) }));
      assertStream(await readWhole(engine, 's'), 's', events);
    },
  },
  {
    duty: 'append',
    name: 'lets exactly one of several racing writers win each version, and shows the others what it stored',
    async run(engines) {
      const nodes = await engines(3);
      for (let round = 0; round < 10; round += 1) {
        const events = Array.from({ length: RACERS }, () => newEvents(1));
        const results = await Promise.all(
          events.map((own, i) =>
            (nodes[i % 3] as Engine).append({ streamId: 's', expectedVersion: round, events: own }),
          ),
        );
        const winners = events.filter((_, i) => results[i]?.kind === 'appended');
        assert.equal(winners.length, 1);
        for (const result of results) {
          if (result.kind === 'conflict') assert.equal(result.events[0]?.id, winners[0]?.[0]?.id);
        }
      }
      assert.deepEqual(
        (await readWhole(nodes[0], 's')).map(({ version }) => version),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      );
    },
  },
  {
    duty: 'append',
    name: "stores all of several racing 'any' appends, each whole, without gaps",
    async run(engines) {
      const nodes = await engines(3);
      const commits = Array.from({ length: 30 }, () => newEvents(3));
      const versions = await Promise.all(commits.map((commit, i) => store(nodes[i % 3] as Engine, 's', 'any', commit)));
      const stored = await readWhole(nodes[0], 's');
      assert.deepEqual(
        stored.map(({ version }) => version),
        Array.from({ length: 90 }, (_, i) => i + 1),
      );
      for (const [i, commit] of commits.entries()) {
        const at = (versions[i] as number) - 1;
        assert.deepEqual(
          stored.slice(at, at + 3).map(({ id }) => id),
          commit.map(({ id }) => id),
        );
      }
    },
  },
  {
    duty: 'append',
    name: 'one conflict among many appends made at once fails none of the others',
    async run(engines) {
      const [engine] = await engines();
      await store(engine, 'taken', 0, newEvents(1));
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          engine.append({ streamId: i === 10 ? 'taken' : `s${i}`, expectedVersion: 0, events: newEvents(2) }),
        ),
      );
      assert.deepEqual(
        results.map(({ kind }) => kind),
        results.map((_, i) => (i === 10 ? 'conflict' : 'appended')),
      );
      assert.equal(await engine.streamVersion('taken'), 1);
      assert.equal(await engine.streamVersion('s19'), 2);
    },
  },
  {
    duty: 'append',
    name: 'stores hundreds of appends made at once, large and small',
    async run(engines) {
      const [engine] = await engines();
      const commits = Array.from({ length: 300 }, (_, i) => newEvents(i === 150 ? 1_500 : 1 + (i % 10)));
      const versions = await Promise.all(commits.map((commit, i) => store(engine, `s${i}`, 0, commit)));
      assert.ok(versions.every((version) => version === 1));
      for (const [i, commit] of commits.entries()) assertStream(await readWhole(engine, `s${i}`), `s${i}`, commit);
    },
  },
  {
    duty: 'append',
    name: 'stores a commit of 5,000 events as one; a conflict with it shows its first events, as many as fit',
    async run(engines) {
      const [engine] = await engines();
      const commit = newEvents(5_000);
      await store(engine, 's', 0, commit);
      const result = await engine.append({ streamId: 's', expectedVersion: 2_500, events: newEvents(1) });
      assertConflict(result);
      assert.equal(result.version, 5_000);
      assert.ok(result.events.length > 0 && result.events.length <= CONFLICT_EVENTS_MAX);
      assert.deepEqual(
        result.events.map(({ id }) => id),
        commit.slice(2_500, 2_500 + result.events.length).map(({ id }) => id),
      );
      assertStream(await readWhole(engine, 's'), 's', commit);
    },
  },
  {
    duty: 'append',
    name: 'stores empty payloads and payloads of a megabyte, in any script',
    async run(engines) {
      const [engine] = await engines();
      const events = [
        newEvent('empty', {}),
        newEvent('null', null),
        ...[1, 2, 3].map((n) => newEvent('big', { n, text: 'x'.repeat(1_000_000) })),
        newEvent('scripts', {
          text: 'ß 漢字 🎲 \u0001 \u2028 "quoted" \\ \u0000',
          ['__proto__']: 'data',
        }),
      ];
      await store(engine, 's', 0, events);
      assertStream(await readWhole(engine, 's'), 's', events);
    },
  },
  {
    duty: 'append',
    name: 'keeps apart ids that are alike, and takes those of 1 and of 1,000 characters',
    async run(engines) {
      const [engine] = await engines();
      const events = new Map(HOSTILE_IDS.map((id) => [id, newEvents(2)]));
      for (const [id, own] of events) assert.equal(await store(engine, id, 0, own), 1);
      for (const [id, own] of events) assertStream(await readWhole(engine, id), id, own);
    },
  },
  {
    duty: 'append',
    name: 'stores nothing twice when the answer is lost and the append is tried again',
    async run(engines) {
      const [engine] = await engines();
      await store(engine, 's', 0, newEvents(2));
      for (const expectedVersion of [2, 'any'] as const) {
        const events = newEvents(3);
        const lossy = losingFirstAnswer(engine);
        const lastSeenVersion = expectedVersion === 'any' ? 4 : 2;
        const result = await appendWithRetry(
          lossy,
          { streamId: 's', expectedVersion, events },
          { lastSeenVersion, stopped: () => false },
        );
        assertAppended(result);
        assert.equal((await readWhole(engine, 's'))[result.version - 1]?.id, events[0]?.id);
      }
      assert.equal(await engine.streamVersion('s'), 8);
    },
  },
];
