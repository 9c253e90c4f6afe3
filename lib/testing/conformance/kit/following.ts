import assert from 'node:assert/strict';
import type { Engine } from '../../../engine/duties/index.js';
import type { EventRecord } from '../../../kernel/values/index.js';
import { eventually, newEvents, pause, store } from './conformance-case.js';
import { randomInt } from './random.js';

/** Writers at work. */
export interface Writing {
  readonly done: Promise<unknown>;
  /** How much has been written, from 0 to 1. */
  share(): number;
  /** Writes one more commit from every node. */
  more(): Promise<void>;
}

/** Longest that a follower may take to see everything once it is stored. Milliseconds. */
const FOLLOW_MS_MAX = 5_000;
const COMMITS_PER_NODE = 60;

/** Writes commits of random size from every node, at random moments. */
export function writeAtRandom(nodes: readonly Engine[], streamIds: readonly string[]): Writing {
  let written = 0;
  const write = (engine: Engine, name: string) =>
    store(engine, streamIds[randomInt(streamIds.length)] as string, 'any', newEvents(randomInt(1, 4), name));
  const writers = nodes.map(async (engine) => {
    for (let i = 0; i < COMMITS_PER_NODE; i += 1) {
      await write(engine, randomInt(4) === 0 ? 'rare' : 'common');
      written += 1;
      if (randomInt(4) === 0) await pause(randomInt(8));
    }
  });
  const done = Promise.all(writers);
  // Who waits for it gets the error. Until then it must not be an unhandled rejection.
  done.catch(() => (written = Number.POSITIVE_INFINITY));
  return {
    done,
    share: () => written / (COMMITS_PER_NODE * nodes.length),
    more: async () => {
      for (const engine of nodes) await write(engine, 'rare');
    },
  };
}

type NewFollower = (
  after: number,
  take: (events: readonly EventRecord[]) => void,
  fail: (error: unknown) => void,
) => Following | Promise<Following>;

/** Something that follows until it is stopped. */
interface Following {
  stop(): void | Promise<void>;
}

/**
 * Follows in many short runs, each of which resumes where the last one ended, until half is written. The last follower
 * goes on and has to see the rest live.
 */
export async function followInPieces(
  writing: Writing,
  newFollower: NewFollower,
  placeOf: (event: EventRecord) => number,
  total: () => Promise<number>,
): Promise<EventRecord[]> {
  const seen: EventRecord[] = [];
  let failure: unknown;
  const follow = () => {
    const last = seen.at(-1);
    return newFollower(
      last ? placeOf(last) : 0,
      (events) => seen.push(...events),
      (error) => (failure ??= error),
    );
  };
  while (writing.share() < 0.5) {
    const follower = await follow();
    await pause(randomInt(1, 15));
    const stopped = follower.stop();
    const atStop = seen.length;
    await stopped;
    await pause(randomInt(3));
    assert.equal(seen.length, atStop, 'events came after stop()');
    if (failure) throw failure;
  }
  const follower = await follow();
  try {
    await writing.done;
    // At rest, only a wake-up brings the last events.
    await pause(50);
    await writing.more();
    const count = await total();
    await eventually(
      `all ${count} events are seen`,
      () => failure !== undefined || seen.length >= count,
      FOLLOW_MS_MAX,
    );
    await pause(20);
  } finally {
    await follower.stop();
  }
  if (failure) throw failure;
  return seen;
}
