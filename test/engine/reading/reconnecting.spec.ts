import { describe, expect, it } from '@jest/globals';
import { SharedReader } from '../../../lib/engine/reading/shared-reader.js';
import { StoreFollower } from '../../../lib/engine/reading/store-follower.js';
import { MemoryEngine, MemoryStore } from '../../../lib/engines/memory/index.js';
import type { EventRecord } from '../../../lib/kernel/values/event.js';
import { seedFor } from '../../support/seed.js';
import { VirtualEnvironment } from '../../support/virtual-environment.js';
import { someEvents } from './flaky-engine.js';

/** How long the engine takes for one question. It takes them one after the other. Milliseconds. */
const QUESTION_MS = 10;
const RECONNECTING = 30;
const RECONNECT_MS = 100;
const RUN_MS = 10_000;
/** Longest that somebody who stays may wait for an event. Milliseconds. */
const DELAY_MS_MAX = 500;

/** Memory behind a server that is asked one thing after the other. */
class BusyEngine extends MemoryEngine {
  questions = 0;
  readonly #environment: VirtualEnvironment;
  #freeAtMs = 0;

  constructor(store: MemoryStore, environment: VirtualEnvironment) {
    super({ store, environment });
    this.#environment = environment;
  }

  override async readAll(...args: Parameters<MemoryEngine['readAll']>) {
    this.questions += 1;
    const nowMs = this.#environment.monotonicMs();
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + QUESTION_MS;
    await this.#environment.sleep(this.#freeAtMs - nowMs);
    return super.readAll(...args);
  }
}

describe('subscribers that stay, beside thirty that come and go and remember where they were', () => {
  it.each([
    ['everything', undefined],
    ['a rare name', ['rare']],
  ])('are not held up: %s', async (_, names) => {
    const environment = new VirtualEnvironment(seedFor('reconnecting'));
    const { random } = environment;
    const store = new MemoryStore();
    const [writer, engine] = [new MemoryEngine({ store, environment }), new BusyEngine(store, environment)];
    await Promise.all([writer.open(), engine.open()]);
    const reader = new SharedReader(engine, environment);
    const storedAtMs = new Map<string, number>();
    const follow = (after: number, names: readonly string[] | undefined, take: (event: EventRecord) => void) => {
      const follower = new StoreFollower(reader, {
        after,
        onEvents: (events) => events.forEach(take),
        onError: (error) => {
          throw error;
        },
        environment,
        ...(names && { names }),
      });
      follower.start();
      return follower;
    };
    let isOver = false;
    const write = async () => {
      while (!isOver) {
        const events = someEvents(1, random() < 0.1 ? 'rare' : 'common');
        await writer.append({ streamId: 's', expectedVersion: 'any', events });
        for (const { id } of events) storedAtMs.set(id, environment.monotonicMs());
        await environment.sleep(random() * 40);
      }
    };
    const comeAndGo = async () => {
      let after = 0;
      await environment.sleep(random() * RECONNECT_MS);
      while (!isOver) {
        const follower = follow(after, undefined, ({ position }) => {
          after = position;
        });
        await environment.sleep(RECONNECT_MS);
        follower.stop();
      }
    };
    const delays: number[] = [];
    const staying = [1, 2, 3].map(() =>
      follow(0, names, ({ id }) => delays.push(environment.monotonicMs() - (storedAtMs.get(id) as number))),
    );
    const all = [write(), ...Array.from({ length: RECONNECTING }, comeAndGo)];
    environment.setTimeout(() => {
      isOver = true;
    }, RUN_MS);
    await environment.run();
    await Promise.all(all);
    const owed = store.all.filter(({ name }) => !names || names.includes(name)).length;
    expect(delays).toHaveLength(3 * owed);
    expect(Math.max(...delays)).toBeLessThan(DELAY_MS_MAX);
    for (const follower of staying) follower.stop();
    process.stdout.write(`${engine.questions} questions, at most ${Math.round(Math.max(...delays))} ms late\n`);
  });
});
