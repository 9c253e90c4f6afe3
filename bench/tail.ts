import { join } from 'node:path';
import { EventSubscriptions, type StoredEvent } from 'omniscient-nest';
import type { Engine } from 'omniscient-nest/engine';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { countCalls, inTemporaryFolder, Meter, NOTE, startApplication } from './application.js';
import { metadata, readAllBare } from './bare-sqlite.js';
import { compare, ratioOf, report, say, timed } from './figures.js';
import type { BenchOptions } from './options.js';

const ROUNDS = 3;
/** Events in one append while the store is filled. */
const COMMIT_EVENTS = 1_000;
const STREAMS = 1_000;
const PAYLOAD = JSON.stringify({ by: 1, note: NOTE });

/** A new subscriber to everything catches up; against reading the same rows of the same file and parsing them, payload and metadata. */
export function tail({ n = 1_000_000 }: BenchOptions): Promise<void> {
  return inTemporaryFolder(async (folder) => {
    const file = join(folder, 'ours.db');
    await catchUp({ n, engine: 'sqlite' }, new SqliteEngine({ file }), () => readAllBare(file));
  });
}

/** Fills the store and lets subscribers catch up. @param readBare reads all that is in the store and adds up what the payloads say. */
export async function catchUp(
  { n, engine, commitEvents = COMMIT_EVENTS }: { n: number; engine: string; commitEvents?: number },
  store: Engine,
  readBare: () => number | Promise<number>,
): Promise<void> {
  const app = await startApplication([Meter], { engine: store });
  await fill(store, n, commitEvents);
  const counts = countCalls(store, ['readAll']);
  const subscriptions = app.get(EventSubscriptions);
  const ours = () => timed(async () => check(await seenBy(subscriptions, n), n));
  const floor = () => timed(async () => check(await readBare(), n));
  await floor();
  await ours();
  const before = counts.readAll;
  const speeds = await compare(ROUNDS, n, floor, ours);
  report({ bench: 'tail', n, ...speeds, engine, eventsARead: ratioOf(n * ROUNDS, counts.readAll - before) });
  await app.close();
}

async function fill(store: Engine, n: number, commitEvents: number): Promise<void> {
  for (let i = 0; i < n; i += commitEvents) {
    const count = Math.min(commitEvents, n - i);
    const events = Array.from({ length: count }, (_, k) => {
      return { id: `${i + k}-${'0'.repeat(24)}`, name: 'counted', data: PAYLOAD, metadata: metadata() };
    });
    const streamId = `meter-${(i / commitEvents) % STREAMS}`;
    await store.append({ streamId, expectedVersion: 'any', events });
    if (i % 100_000 === 0) say(`stored ${i} of ${n}`);
  }
}

/** What a subscriber adds up who begins at the beginning, until it has seen so many events. */
function seenBy(subscriptions: EventSubscriptions, n: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let [seen, sum] = [0, 0];
    const watching = subscriptions.all$().subscribe({
      next: ({ data, metadata: { actor } }: StoredEvent) => {
        if (actor === 'Meter') sum += (data as { by: number }).by;
        seen += 1;
        if (seen < n) return;
        queueMicrotask(() => watching.unsubscribe());
        resolve(sum);
      },
      error: reject,
    });
  });
}

function check(sum: number, n: number): void {
  if (sum !== n) throw new Error(`added up ${sum} instead of ${n}`);
}
