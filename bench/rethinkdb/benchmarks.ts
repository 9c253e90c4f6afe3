import { readFileSync } from 'node:fs';
import { ActorRepository, getActorToken } from 'omniscient-nest';
import type { RethinkDbProcess } from '../../test/support/rethinkdb-server.js';
import { call, Meter, NOTE, startApplication } from '../application.js';
import { compare, percentile, ratioOf, report, timed } from '../figures.js';
import type { BenchOptions } from '../options.js';
import { BareRethinkDb } from './bare-rethinkdb.js';
import { fanoutOn, reactOn, tailOn } from './following.js';
import { newRethinkDbEngine, onServer } from './server.js';

const CALLERS = 64;
const ROUNDS = 5;
/** Of commands more, and short ones: the server is quick and slow by turns. */
const COMMAND_ROUNDS = 15;
const PAYLOAD = JSON.stringify({ by: 1, note: NOTE });
/** Between two commits: long enough that each is noticed on its own. */
const PAUSE_MS = 5;
/** How long idle load is measured. */
const IDLE_MS = 10_000;

/** The benchmarks that run on a RethinkDB server of their own, against the bare driver on the same server. */
export const RETHINKDB: Readonly<Record<string, (options: BenchOptions) => Promise<void>>> = {
  command: (options) => onServer((server) => commands('command', 1_000, server, options)),
  hot: (options) => onServer((server) => commands('hot', 1, server, options)),
  rehydrate: (options) => onServer((server) => rehydrate(server, options)),
  live: (options) => onServer((server) => live(server, options)),
  resident: (options) => onServer((server) => resident(server, options)),
  react: (options) => onServer((server) => reactOn(server, options)),
  tail: (options) => onServer((server) => tailOn(server, options)),
  fanout: (options) => onServer((server) => fanoutOn(server, options)),
};

async function start(server: RethinkDbProcess, more: object = {}) {
  const app = await startApplication([Meter], { engine: newRethinkDbEngine(server), ...more });
  return { app, meters: app.get<ActorRepository<Meter>>(getActorToken(Meter)) };
}

/** 64 callers, one event each, durable; against inserts of all that wait at the same time. */
async function commands(
  bench: string,
  actors: number,
  server: RethinkDbProcess,
  { n = 60_000 }: BenchOptions,
): Promise<void> {
  const { app, meters } = await start(server);
  const refs = await Promise.all(Array.from({ length: actors }, (_, i) => meters.get(`meter-${i + 1}`)));
  const bare = await BareRethinkDb.open(server);
  const perRound = Math.ceil(n / COMMAND_ROUNDS);
  const versions = new Array<number>(actors).fill(0);
  const bareOne = (i: number) => {
    const stream = i % actors;
    versions[stream] = (versions[stream] as number) + 1;
    return bare.commit(`meter-${stream}`, versions[stream] as number, PAYLOAD);
  };
  const ours = () => timed(() => call(CALLERS, perRound, (i) => refs[i % actors]?.count(NOTE)));
  const floor = () => timed(() => call(CALLERS, perRound, bareOne));
  await ours();
  await floor();
  const speeds = await compare(COMMAND_ROUNDS, perRound, floor, ours);
  report({ bench, n, ...speeds, engine: 'rethinkdb', callers: CALLERS, actors });
  await bare.close();
  await app.close();
}

/** A cold load of one long stream of commits of one event, no snapshot. */
async function rehydrate(server: RethinkDbProcess, { n = 20_000 }: BenchOptions): Promise<void> {
  const { app, meters } = await start(server, { snapshotEvery: 0, appendEventsMax: 1 });
  const bare = await BareRethinkDb.open(server);
  const meter = await meters.get('one');
  for (let i = 0; i < n; i += 256) {
    const count = Math.min(256, n - i);
    await Promise.all(Array.from({ length: count }, (_, k) => bare.commit('one', i + k + 1, PAYLOAD)));
  }
  // One commit each, as the bare ones: several events in a document would be read faster.
  await call(CALLERS, n, () => meter.count(NOTE));
  meter.release();
  const floor = () => timed(async () => check(await bare.sumOf('one'), n));
  const ours = () =>
    timed(async () => {
      const loaded = await meters.get('one');
      check(loaded.state.count, n);
      loaded.release();
    });
  await floor();
  const speeds = await compare(ROUNDS, n, floor, ours);
  report({ bench: 'rehydrate', n, ...speeds, engine: 'rethinkdb' });
  await bare.close();
  await app.close();
}

/** From before a commit on one node to `state$` on another; against an insert, and a changefeed on another connection. */
async function live(server: RethinkDbProcess, { n = 500 }: BenchOptions): Promise<void> {
  const [one, other] = [await start(server), await start(server)];
  const bare = await BareRethinkDb.open(server);
  const meter = await one.meters.get('live');
  let arrived: () => void = () => {};
  const watching = other.meters.state$('live').subscribe(() => arrived());
  const unwatch = await bare.watch(() => arrived());
  const once = async (write: () => Promise<unknown>): Promise<number> => {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    const beganMs = performance.now();
    const seen = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    await Promise.all([write(), seen]);
    return performance.now() - beganMs;
  };
  const seenMs = async (write: () => Promise<unknown>, seeing = async () => {}): Promise<number> => {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    const beganMs = performance.now();
    return new Promise((resolve, reject) => {
      arrived = () => {
        seeing().then(() => resolve(performance.now() - beganMs), reject);
      };
      write().catch(reject);
    });
  };
  await once(() => meter.count(NOTE));
  const [ours, floor, acks, readable]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let i = 1; i <= n; i += 1) {
    floor.push(await seenMs(() => bare.commit('live', 3 * i - 2, PAYLOAD)));
    // A changefeed tells of what is not on any disk yet; we show only what is.
    acks.push(await timed(() => bare.commit('live', 3 * i - 1, PAYLOAD)));
    // Who may show only that has to look until a majority has it.
    readable.push(
      await seenMs(
        () => bare.commit('live', 3 * i, PAYLOAD),
        () => bare.readable('live', 3 * i),
      ),
    );
    ours.push(await seenMs(() => meter.count(NOTE)));
  }
  watching.unsubscribe();
  await unwatch();
  const [p50Ms, floorP50Ms] = [percentile(ours, 0.5), percentile(floor, 0.5)];
  const [speed, floorSpeed] = [Math.round(1_000 / p50Ms), Math.round(1_000 / floorP50Ms)];
  const figures = {
    p50Ms,
    p99Ms: percentile(ours, 0.99),
    floorP50Ms,
    floorP99Ms: percentile(floor, 0.99),
    floorDurableP50Ms: percentile(acks, 0.5),
    floorReadableP50Ms: percentile(readable, 0.5),
    timesReadable: ratioOf(p50Ms, percentile(readable, 0.5)),
  };
  report({
    bench: 'live',
    n,
    perSecond: speed,
    floorPerSecond: floorSpeed,
    ratio: ratioOf(speed, floorSpeed),
    engine: 'rethinkdb',
    ...figures,
  });
  await bare.close();
  await one.app.close();
  await other.app.close();
}

/** Memory and idle load, ours and the server's, with many live actors on a node. */
async function resident(server: RethinkDbProcess, { n = 10_000 }: BenchOptions): Promise<void> {
  const { app, meters } = await start(server, { residentMax: n + 1, passivateAfterMs: 3_600_000 });
  const before = process.memoryUsage().rss;
  const loadMs = await timed(() => call(CALLERS, n, (i) => meters.get(`idle-${i}`)));
  const bytes = process.memoryUsage().rss - before;
  const [ours, theirs] = [cpuSeconds(process.pid), cpuSeconds(server.pid as number)];
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const perSecond = Math.round((n / loadMs) * 1_000);
  const idle = (since: number, pid: number) => Math.round(((cpuSeconds(pid) - since) / IDLE_MS) * 1_000 * 10_000) / 100;
  report({
    bench: 'resident',
    n,
    perSecond,
    floorPerSecond: perSecond,
    ratio: 1,
    engine: 'rethinkdb',
    bytesEach: Math.round(bytes / n),
    idlePercentOfACore: idle(ours, process.pid),
    serverIdlePercentOfACore: idle(theirs, server.pid as number),
    serverMb: residentMb(server.pid as number),
  });
  await app.close();
}

/** Processor time that a process has used, from /proc (in ticks of 10 ms). */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function residentMb(pid: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024);
}

function check(count: number, n: number): void {
  if (count !== n) throw new Error(`counted ${count} instead of ${n}`);
}
