import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ActorRepository, getActorToken } from 'omniscient-nest';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { inTemporaryFolder, Meter, NOTE, startApplication } from './application.js';
import { perSecond, ratioOf, report, say, timed } from './figures.js';
import type { BenchOptions } from './options.js';

/** Idle for this long while its share of a core is measured. */
const IDLE_MS = 5_000;
const IDLE_ACTORS = 1_000;

/** Memory of an idle actor, what a thousand of them cost at rest, and a million streams visited one after another. */
export function resident({ n = 1_000_000 }: BenchOptions): Promise<void> {
  return inTemporaryFolder(async (folder) => {
    await idleCost(join(folder, 'idle.db'));
    for (const actors of [10_000, 100_000].filter((count) => count <= n))
      await bytesEach(join(folder, `bytes-${actors}.db`), actors);
    await visits(join(folder, 'visits.db'), n);
  });
}

async function start(file: string, residentMax: number) {
  const app = await startApplication([Meter], { engine: new SqliteEngine({ file }), residentMax });
  return { app, meters: app.get<ActorRepository<Meter>>(getActorToken(Meter)) };
}

async function bytesEach(file: string, n: number): Promise<void> {
  const { app, meters } = await start(file, n + 1);
  await (await meters.get('warm')).count(NOTE);
  const before = heapAfterCollection();
  const ms = await timed(async () => {
    for (let i = 0; i < n; i += 1) await meters.get(`meter-${i}`);
  });
  const bytes = Math.round((heapAfterCollection() - before) / n);
  // What a plain object with the same state in a map costs: what nobody can do without.
  const floor = plainBytesEach(n);
  report({
    bench: 'resident',
    n,
    perSecond: perSecond(n, ms),
    floorPerSecond: 0,
    ratio: ratioOf(bytes, floor),
    bytesEach: bytes,
    plainObjectBytes: floor,
  });
  await app.close();
}

function plainBytesEach(n: number): number {
  const before = heapAfterCollection();
  const plain = new Map(Array.from({ length: n }, (_, i) => [`plain-${i}`, { count: 0 }]));
  const bytes = Math.round((heapAfterCollection() - before) / n);
  if (plain.size !== n) throw new Error('the map must outlive the measurement');
  return bytes;
}

async function idleCost(file: string): Promise<void> {
  const { app, meters } = await start(file, 10_000);
  for (let i = 0; i < IDLE_ACTORS; i += 1) await meters.get(`meter-${i}`);
  await pause(1_000);
  const before = process.cpuUsage();
  await pause(IDLE_MS);
  const { user, system } = process.cpuUsage(before);
  const cpuPercent = Math.round(((user + system) / 10 / IDLE_MS) * 100) / 100;
  say(`idle with ${IDLE_ACTORS} actors: ${cpuPercent} % of a core`);
  report({ bench: 'resident-idle', n: IDLE_ACTORS, perSecond: 0, floorPerSecond: 0, ratio: 0, cpuPercent });
  await app.close();
}

async function visits(file: string, n: number): Promise<void> {
  const { app, meters } = await start(file, 1_000);
  heapAfterCollection();
  const rssBefore = process.memoryUsage.rss();
  const ms = await timed(async () => {
    for (let i = 0; i < n; i += 1) {
      await meters.get(`meter-${i}`);
      if (i % 100_000 === 0) say(`visited ${i} of ${n}: ${Math.round(process.memoryUsage.rss() / 1e6)} MB`);
    }
  });
  const grownMb = Math.round((process.memoryUsage.rss() - rssBefore) / 1e6);
  report({
    bench: 'resident-visits',
    n,
    perSecond: perSecond(n, ms),
    floorPerSecond: 0,
    ratio: 0,
    grownMb,
    residentMax: 1_000,
  });
  await app.close();
}

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
