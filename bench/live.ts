import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inTemporaryFolder } from './application.js';
import { percentile, ratioOf, report, say } from './figures.js';
import type { BenchOptions } from './options.js';

const WORKER = fileURLToPath(new URL('./live-worker.js', import.meta.url));
/** Between two commits: long enough that each is noticed on its own. */
const PAUSE_MS = 4;

/** What a pair of workers does: with the library, or with the bare driver asking once a millisecond. */
export interface LiveJob {
  file: string;
  role: 'writer' | 'watcher';
  bare: boolean;
}

/** From a commit in one process to `state$` in another, against two bare processes of which one asks for news every millisecond. */
export function live({ n = 500 }: BenchOptions): Promise<void> {
  return inTemporaryFolder(async (folder) => {
    const ours = await latencies(join(folder, 'ours.db'), n, false);
    const floor = await latencies(join(folder, 'bare.db'), n, true);
    const line = (name: string, ms: readonly number[]) =>
      say(`${name}: p50 ${percentile(ms, 0.5)} ms, p99 ${percentile(ms, 0.99)} ms`);
    line('ours', ours);
    line('bare, asking every millisecond', floor);
    const [p50Ms, floorP50Ms] = [percentile(ours, 0.5), percentile(floor, 0.5)];
    const figures = {
      p50Ms,
      p99Ms: percentile(ours, 0.99),
      maxMs: percentile(ours, 1),
      floorP50Ms,
      floorP99Ms: percentile(floor, 0.99),
    };
    // As speeds, so that here too more is better: how many such steps one after another fit a second.
    const [speed, floorSpeed] = [Math.round(1_000 / p50Ms), Math.round(1_000 / floorP50Ms)];
    report({
      bench: 'live',
      n,
      perSecond: speed,
      floorPerSecond: floorSpeed,
      ratio: ratioOf(speed, floorSpeed),
      engine: 'sqlite',
      ...figures,
    });
  });
}

/** Milliseconds from before the write began in one process to when the other one had seen it. */
async function latencies(file: string, n: number, bare: boolean): Promise<number[]> {
  const writer = await start({ file, role: 'writer', bare });
  const watcher = await start({ file, role: 'watcher', bare });
  const ms: number[] = [];
  for (let count = 1; count <= n; count += 1) {
    const seen = next<{ seenMs: number }>(watcher, (message) => message.count === count);
    const wrote = next<{ startedMs: number }>(writer, (message) => message.count === count);
    writer.send({ count });
    const [{ seenMs }, { startedMs }] = await Promise.all([seen, wrote]);
    ms.push(seenMs - startedMs);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  for (const worker of [writer, watcher]) {
    worker.kill();
    await once(worker, 'exit');
  }
  return ms;
}

async function start(job: LiveJob): Promise<ChildProcess> {
  const worker = fork(WORKER, [JSON.stringify(job)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  await once(worker, 'message');
  return worker;
}

function next<T extends object>(worker: ChildProcess, wanted: (message: { count: number }) => boolean): Promise<T> {
  return new Promise((resolve) => {
    const heard = (message: unknown) => {
      if (!wanted(message as { count: number })) return;
      worker.off('message', heard);
      resolve(message as T);
    };
    worker.on('message', heard);
  });
}
