import { performance } from 'node:perf_hooks';
import { type ActorRepository, AuditTrail, EventSubscriptions, getActorToken } from 'omniscient-nest';
import { call, inTemporaryFolder, Meter, NOTE, newEngine, startApplication } from './application.js';
import { perSecond, ratioOf, report, say } from './figures.js';
import type { BenchOptions } from './options.js';

/** Actors that are loaded, swept and shut down together. */
const ACTORS_SHARE = 30;
/** Who load at the same time. */
const CALLERS = 1_000;
/** Subscribers that read the whole past at the same time. */
const SUBSCRIBERS = 20;
/** Most that the event loop may be held by the library. Milliseconds. */
const HOLD_MS_MAX = 50;

/** Work that goes through much, and how many things it goes through. */
interface Work {
  readonly name: string;
  readonly size: number;
  readonly run: () => Promise<unknown>;
}

/**
 * The longest time for which nothing else got a turn of the event loop, while long pasts are loaded, replayed, followed and audited, and many actors come and
 * go. The floor is 50 ms: `ratio` is how many times longer the loop was held than it may be.
 */
export function loopHold({ n = 300_000, engine: name }: BenchOptions): Promise<void> {
  return inTemporaryFolder(async (folder) => {
    const engine = newEngine(name, `${folder}/ours.db`);
    const options = { engine, snapshotEvery: 0, mailboxSizeMax: n + 1, commitTimeoutMs: 600_000, residentMax: n };
    const app = await startApplication([Meter], options);
    const meters = app.get<ActorRepository<Meter>>(getActorToken(Meter));
    const actors = Math.ceil(n / ACTORS_SHARE);
    await fill(engine, n, actors);
    const subscriptions = app.get(EventSubscriptions);
    const last = await engine.lastPosition();
    const works: Work[] = [
      { name: 'load', size: n, run: () => meters.get('long') },
      { name: 'load-many', size: actors, run: () => call(CALLERS, actors, (i) => meters.get(`meter-${i}`)) },
      { name: 'replay', size: n, run: () => counted(meters.replay('long')) },
      { name: 'audit', size: last, run: () => counted(app.get(AuditTrail).causedBy('nobody')) },
      { name: 'iterate', size: n, run: () => iterated(subscriptions, n) },
      { name: 'follow', size: last * SUBSCRIBERS, run: () => followed(subscriptions, last) },
      { name: 'close', size: actors, run: () => app.close() },
    ];
    for (const work of works) await measure(work, name);
  });
}

async function measure({ name, size, run }: Work, engine: string): Promise<void> {
  say(`${name}: ${size}`);
  const watch = watchLoop();
  const startMs = performance.now();
  await run();
  const ms = performance.now() - startMs;
  const longest = await watch.end();
  report({
    bench: `loop-hold-${name}`,
    n: size,
    perSecond: perSecond(size, ms),
    floorPerSecond: perSecond(size, ms),
    ratio: ratioOf(Math.min(longest.ms, longest.cpuMs), HOLD_MS_MAX),
    holdMs: Math.round(longest.ms),
    holdCpuMs: Math.round(longest.cpuMs),
    engine,
  });
}

/** The longest time between two turns of the event loop: by the clock, and of it what this process was at work (others may want the processor too). */
function watchLoop(): { end: () => Promise<Hold> } {
  const longest = { ms: 0, cpuMs: 0 };
  let lastMs = performance.now();
  let lastCpuMs = cpuMs();
  let isOver = false;
  const turn = () => {
    const [nowMs, nowCpuMs] = [performance.now(), cpuMs()];
    longest.ms = Math.max(longest.ms, nowMs - lastMs);
    longest.cpuMs = Math.max(longest.cpuMs, nowCpuMs - lastCpuMs);
    [lastMs, lastCpuMs] = [nowMs, nowCpuMs];
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  return {
    async end() {
      await new Promise((resolve) => setImmediate(resolve));
      isOver = true;
      return longest;
    },
  };
}

interface Hold {
  ms: number;
  cpuMs: number;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

async function fill(engine: ReturnType<typeof newEngine>, n: number, actors: number): Promise<void> {
  const metadata = JSON.stringify({
    at: new Date(0).toISOString(),
    actor: 'Meter',
    firedBy: 'bench',
    correlationId: 'c',
  });
  const data = JSON.stringify({ by: 1, note: NOTE });
  const append = (streamId: string, count: number) =>
    engine.append({
      streamId,
      expectedVersion: 'any',
      events: Array.from({ length: count }, (_, i) => ({ id: `${streamId}-${i}`, name: 'counted', data, metadata })),
    });
  for (let stored = 0; stored < n; stored += 1_000) await append('long', Math.min(1_000, n - stored));
  await Promise.all(ids(actors).map((id) => append(id, 3)));
}

const ids = (count: number) => Array.from({ length: count }, (_, i) => `meter-${i}`);

async function counted(steps: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of steps);
}

async function iterated(subscriptions: EventSubscriptions, n: number): Promise<void> {
  for await (const { version } of subscriptions.stream$('long')) if (version === n) return;
}

function followed(subscriptions: EventSubscriptions, last: number): Promise<unknown> {
  const one = () =>
    new Promise<void>((resolve) => {
      const subscription = subscriptions.all$().subscribe(({ position }) => {
        if (position !== last) return;
        resolve();
        subscription.unsubscribe();
      });
    });
  return Promise.all(Array.from({ length: SUBSCRIBERS }, one));
}
