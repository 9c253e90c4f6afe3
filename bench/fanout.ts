import { join } from 'node:path';
import { ActorRepository, EventSubscriptions, getActorToken, type StoredEvent } from 'omniscient-nest';
import type { Engine } from 'omniscient-nest/engine';
import { call, countCalls, inTemporaryFolder, Meter, NOTE, newEngine, startApplication } from './application.js';
import { bareWriter, metadata, openBare } from './bare-sqlite.js';
import { compare, percentile, ratioOf, report, say, timed } from './figures.js';
import type { BenchOptions } from './options.js';

const CALLERS = 64;
const ROUNDS = 3;
const SUBSCRIBERS = 1_000;
/** Commits whose way to the last subscriber is measured, one after another. */
const LATENCIES = 200;
const STREAM = 'meter-1';
const PAYLOAD = JSON.stringify({ by: 1, note: NOTE });

/** Stores so many events bare, as many in a commit. */
export type WriteBare = (events: number, batch: number) => unknown;

/** One stream with 1,000 subscribers; against the same rows written bare, each parsed once, and a loop that calls 1,000 functions with it. */
export function fanout(options: BenchOptions): Promise<void> {
  return inTemporaryFolder(async (folder) => {
    const bare = openBare(join(folder, 'bare.db'));
    await deliveries(options, newEngine(options.engine, join(folder, 'ours.db')), bareWriter(bare, 1, PAYLOAD));
    bare.close();
  });
}

export async function deliveries(
  { n = 10_000, engine }: BenchOptions,
  store: Engine,
  writeBare: WriteBare,
): Promise<void> {
  const app = await startApplication([Meter], { engine: store });
  const meter = await app.get<ActorRepository<Meter>>(getActorToken(Meter)).get(STREAM);
  const counts = countCalls(store, ['readStream', 'append']);
  const audience = new Audience();
  const subscriptions = app.get(EventSubscriptions);
  for (const hear of audience.members) subscriptions.stream$(STREAM).subscribe(({ data }: StoredEvent) => hear(data));
  const first = audience.heard(1);
  await meter.count(NOTE);
  await first;
  const perRound = Math.ceil(n / ROUNDS);
  const deliverBare = bareDelivery(writeBare);
  const floor = () => timed(() => deliverBare(perRound, CALLERS));
  const ours = () =>
    timed(async () => {
      const last = audience.heard(perRound);
      await call(CALLERS, perRound, () => meter.count(NOTE));
      await last;
    });
  await floor();
  await ours();
  const before = { ...counts };
  const speeds = await compare(ROUNDS, perRound * SUBSCRIBERS, floor, ours);
  const appends = counts.append - before.append;
  const lastMs = await latencies(async () => {
    const last = audience.heard(1);
    await meter.count(NOTE);
    await last;
  });
  const floorMs = await latencies(() => deliverBare(1, 1));
  say(`commit to last subscriber: ${percentile(lastMs, 0.5)} ms; bare ${percentile(floorMs, 0.5)} ms`);
  audience.check();
  report({
    bench: 'fanout',
    n: perRound * ROUNDS * SUBSCRIBERS,
    ...speeds,
    engine,
    subscribers: SUBSCRIBERS,
    readsACommit: ratioOf(counts.readStream - before.readStream, appends),
    lastP50Ms: percentile(lastMs, 0.5),
    lastP99Ms: percentile(lastMs, 0.99),
    floorLastP50Ms: percentile(floorMs, 0.5),
    floorLastP99Ms: percentile(floorMs, 0.99),
  });
  await app.close();
}

/** Many that each add up what they hear, and somebody who waits for all of them. */
class Audience {
  readonly members: ((data: unknown) => void)[];
  readonly #sums = new Float64Array(SUBSCRIBERS);
  #left = Number.POSITIVE_INFINITY;
  #done: () => void = () => {};

  constructor() {
    this.members = Array.from(this.#sums, (_, i) => (data) => {
      this.#sums[i] = (this.#sums[i] as number) + (data as { by: number }).by;
      this.#left -= 1;
      if (this.#left === 0) this.#done();
    });
  }

  /** Each has heard everything, and nothing twice. */
  check(): void {
    if (new Set(this.#sums).size !== 1) throw new Error('not all subscribers heard the same');
  }

  /** Resolves when each has heard so many more. */
  heard(events: number): Promise<void> {
    this.#left = events * SUBSCRIBERS;
    return new Promise((resolve) => {
      this.#done = resolve;
    });
  }
}

/** Writes, then parses each event once and calls as many functions with it. */
function bareDelivery(writeBare: WriteBare): (events: number, batch: number) => Promise<void> {
  const { members } = new Audience();
  const [payload, text] = [PAYLOAD, metadata()];
  return async (events, batch) => {
    for (let left = events; left > 0; left -= batch) {
      const count = Math.min(batch, left);
      await writeBare(count, batch);
      for (let i = 0; i < count; i += 1) {
        const event = { data: JSON.parse(payload), metadata: JSON.parse(text) };
        for (const hear of members) hear(event.data);
      }
    }
  };
}

/** Milliseconds of each, one after another. */
async function latencies(once: () => Promise<unknown>): Promise<number[]> {
  const ms: number[] = [];
  for (let i = 0; i < LATENCIES; i += 1) ms.push(await timed(once));
  return ms;
}
