import { describe, expect, it } from '@jest/globals';
import type { LogEntry, PlacedCommit } from '../../../lib/engines/rethinkdb/commits/log-entry.js';
import { StoreReader } from '../../../lib/engines/rethinkdb/commits/store-reader.js';
import type { EventRecord } from '../../../lib/kernel/values/event.js';
import { randomFrom, seedFor } from '../../support/seed.js';
import { VirtualEnvironment } from '../../support/virtual-environment.js';

/** A log behind a line on which a question takes its time. While it is asked, others write. */
class GrowingLog {
  readonly entries: LogEntry[] = [];
  questions = 0;
  /** Events, by their positions. */
  readonly #names: string[] = [];
  readonly #environment: VirtualEnvironment;
  readonly #wayMs: number;
  /** Entries that others write during a question. */
  readonly #growth: number;

  constructor(environment: VirtualEnvironment, wayMs: number, growth: number) {
    this.#environment = environment;
    this.#wayMs = wayMs;
    this.#growth = growth;
  }

  get end(): number {
    return this.#names.length;
  }

  grow(names: readonly string[]): void {
    const id = this.end;
    const commit: PlacedCommit = { stream: 's', first: id + 1, count: names.length, event: `e${id + 1}`, names };
    this.entries.push({ id, count: names.length, batches: [`b${id}`], commits: [commit] });
    this.#names.push(...names);
  }

  async entriesAfter(position: number, limit: number) {
    this.questions += 1;
    await this.#environment.sleep(this.#wayMs);
    const found = this.entries.filter(({ id, count }) => id + count > position);
    for (let i = 0; i < this.#growth; i += 1) this.grow(['common']);
    return { entries: found.slice(0, limit), ended: found.length <= limit };
  }

  async pageOf(commits: readonly PlacedCommit[]): Promise<EventRecord[][]> {
    await this.#environment.sleep(this.#wayMs);
    return commits.map(({ first, count }) =>
      Array.from({ length: count }, (_, i) => {
        const name = this.#names[first + i - 1] as string;
        return {
          id: `e${first + i}`,
          streamId: 's',
          version: first + i,
          position: 0,
          name,
          data: '{}',
          metadata: '{}',
        };
      }),
    );
  }
}

/** The answer to one read, and how long it took. */
async function read(log: GrowingLog, environment: VirtualEnvironment, after: number, names?: readonly string[]) {
  const reader = new StoreReader(log, log, environment);
  const beganMs = environment.monotonicMs();
  let isOver = false;
  const reading = reader.readAll(after, 1_000, names).finally(() => {
    isOver = true;
  });
  await environment.run(() => isOver || environment.monotonicMs() - beganMs > 10_000);
  if (!isOver) throw new Error(`no answer in 10 s, after ${log.questions} questions`);
  return { page: await reading, tookMs: environment.monotonicMs() - beganMs };
}

describe('a read of the whole store on RethinkDB', () => {
  it.each([
    ['few entries at a time', 5],
    ['more than it can read', 200],
  ])('comes back, while others write %s, with what it has, and says how far it looked', async (_, growth) => {
    const environment = new VirtualEnvironment(1);
    const log = new GrowingLog(environment, 24, growth);
    for (let i = 0; i < 10; i += 1) log.grow(['common']);
    for (const names of [undefined, ['rare']]) {
      let after = 0;
      for (let i = 0; i < 20; i += 1) {
        const { page, tookMs } = await read(log, environment, after, names);
        expect(tookMs).toBeLessThan(100);
        expect(page.events.length).toBe(names ? 0 : page.upTo - after);
        expect(page.upTo).toBeGreaterThan(after);
        after = page.upTo;
      }
    }
  });

  it('of a rare name in a long past takes as many questions as fit in its time', async () => {
    const environment = new VirtualEnvironment(1);
    const log = new GrowingLog(environment, 1, 0);
    for (let i = 0; i < 10_000; i += 1) log.grow(['common']);
    const { page, tookMs } = await read(log, environment, 0, ['rare']);
    expect(page).toMatchObject({ events: [], ended: false });
    expect(log.questions).toBeGreaterThan(10);
    expect(tookMs).toBeLessThan(50);
  });

  it('holds all that is wanted up to where it says it looked, whatever the page ends by', async () => {
    const environment = new VirtualEnvironment(seedFor('pages of the store'));
    const random = randomFrom(environment.random() * 2 ** 31);
    for (let round = 0; round < 50; round += 1) {
      const log = new GrowingLog(environment, random() * 15, Math.floor(random() * 3));
      for (let i = 0; i < 1 + random() * 300; i += 1) {
        log.grow(Array.from({ length: 1 + Math.floor(random() * 4) }, () => (random() < 0.3 ? 'rare' : 'common')));
      }
      const names = random() < 0.5 ? ['rare'] : undefined;
      const limit = 1 + Math.floor(random() * 20);
      const reader = new StoreReader(log, log, environment);
      let after = Math.floor(random() * 10);
      const seen: number[] = [];
      const wanted = log.entries
        .flatMap(({ id, commits }) =>
          commits.flatMap((commit) => commit.names.map((name, i) => ({ name, at: id + i + 1 }))),
        )
        .filter(({ name, at }) => at > after && (!names || names.includes(name)))
        .map(({ at }) => at);
      const last = log.end;
      while (after < last) {
        const reading = reader.readAll(after, limit, names);
        await environment.run();
        const { events, upTo, ended } = await reading;
        expect(events.length).toBeLessThanOrEqual(limit);
        expect(ended || upTo > after).toBe(true);
        seen.push(...events.map(({ position }) => position).filter((position) => position <= last));
        expect(seen).toEqual(wanted.filter((at) => at <= upTo));
        after = upTo;
      }
      expect(seen).toEqual(wanted);
    }
  });
});
