import assert from 'node:assert/strict';
import type { Engine } from '../../engine/duties/index.js';
import { SYSTEM, turnOfTheLoop } from '../../engine/environment/index.js';
import { type Follower, type FollowerOptions, StoreFollower, StreamFollower } from '../../engine/reading/index.js';
import type { EventRecord } from '../../kernel/values/index.js';
import {
  type ConformanceCase,
  type EngineFixture,
  followInPieces,
  newEvents,
  type OpenEngines,
  pause,
  positionsGiven,
  readStore,
  readWhole,
  store,
  writeAtRandom,
} from './kit/index.js';

const ABC = ['a', 'b', 'c'];
const RARE = ['rare', 'never'];

/** Commits of each node while another reads how far the store has come. */
const COMMITS = 40;

/** What a follower finds that was away and resumes with a newly opened engine. */
export const resumeCases: readonly ConformanceCase[] = [
  {
    duty: 'follow',
    name: 'a stream follower resumes on an engine opened anew, time and again, while two other nodes write',
    run: (engines, fixture) =>
      resume(engines, fixture, {
        streamIds: ['s'],
        follow: (engine, options) => new StreamFollower(engine, 's', options),
        placeOf: ({ version }) => version,
        stored: (engine) => readWhole(engine, 's'),
      }),
  },
  {
    duty: 'follow',
    name: 'a store follower resumes likewise',
    run: (engines, fixture) =>
      resume(engines, fixture, {
        streamIds: ABC,
        follow: (engine, options) => new StoreFollower(engine, options),
        placeOf: ({ position }) => position,
        stored: (engine) => readStore(engine, ABC),
      }),
  },
  {
    duty: 'follow',
    name: 'a follower of some names resumes likewise',
    run: (engines, fixture) =>
      resume(engines, fixture, {
        streamIds: ABC,
        follow: (engine, options) => new StoreFollower(engine, { ...options, names: RARE }),
        placeOf: ({ position }) => position,
        stored: (engine) => readStore(engine, ABC, 1_000, RARE),
      }),
  },
  {
    duty: 'read',
    name: 'shows everything up to the last position that it reports, and up to where a page says that it looked, while two nodes write',
    async run(engines) {
      const nodes = await engines(3);
      const reader = nodes[2] as Engine;
      let writing = true;
      const writers = nodes.slice(0, 2).map(async (engine, n) => {
        for (let i = 0; i < COMMITS; i += 1) {
          await store(engine, `s${n}-${i % 3}`, 'any', newEvents(1 + (i % 3), i % 2 ? 'rare' : 'common'));
          if (i % 5 === 0) await pause(2);
        }
      });
      const looks: { after: number; upTo: number; seen: string[] }[] = [];
      const looking = (async () => {
        let after = 0;
        while (writing) {
          const told = await reader.lastPosition();
          const seen: string[] = [];
          let upTo = after;
          for (let ended = false; !ended && upTo < told; ) {
            const page = await reader.readAll(upTo, 10_000, RARE);
            seen.push(...idsOf(page.events));
            ({ upTo, ended } = page);
          }
          assert.ok(upTo >= told, `position ${told} was reported, but readers find the end at ${upTo}`);
          looks.push({ after, upTo, seen });
          after = upTo;
          await turnOfTheLoop(SYSTEM);
        }
      })();
      await Promise.all(writers).finally(() => (writing = false));
      await looking;
      const streamIds = [0, 1].flatMap((n) => [0, 1, 2].map((i) => `s${n}-${i}`));
      await positionsGiven(reader, streamIds);
      const all = await readStore(reader, streamIds, 1_000, RARE);
      for (const { after, upTo, seen } of looks) {
        const owed = all.filter(({ position }) => position > after && position <= upTo);
        const missing = idsOf(owed).filter((id) => !seen.includes(id));
        assert.deepEqual(missing, [], `a page says that it looked up to ${upTo}, and holds not all that is there`);
      }
    },
  },
];

interface Resumed {
  readonly streamIds: readonly string[];
  follow(engine: Engine, options: FollowerOptions): Follower;
  placeOf(event: EventRecord): number;
  /** Resolves to all events that have to be seen, in order. */
  stored(engine: Engine): Promise<EventRecord[]>;
}

async function resume(engines: OpenEngines, fixture: EngineFixture, how: Resumed): Promise<void> {
  const nodes = await engines(2);
  const [first] = how.streamIds;
  await store(nodes[0], first as string, 0, [...newEvents(20), ...newEvents(3, 'rare')]);
  const writing = writeAtRandom(nodes, how.streamIds);
  const seen = await followInPieces(
    writing,
    async (after, take, fail) => {
      const engine = fixture.newEngine();
      await engine.open();
      const follower = how.follow(engine, { after, onEvents: take, onError: fail });
      follower.start();
      return {
        stop: async () => {
          follower.stop();
          await engine.close();
        },
      };
    },
    how.placeOf,
    async () => (await how.stored(nodes[0])).length,
  );
  assert.deepEqual(idsOf(seen), idsOf(await how.stored(nodes[1] as Engine)));
}

function idsOf(events: readonly EventRecord[]): string[] {
  return events.map(({ id }) => id);
}
