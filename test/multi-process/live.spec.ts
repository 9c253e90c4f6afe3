import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isReady, killWorkers, messageOf, startWorker, stopWorker } from '../support/workers.js';

const ROUNDS = 200;

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'omniscient-live-'));
  file = join(folder, 'events.db');
});
afterEach(async () => {
  await killWorkers();
  rmSync(folder, { recursive: true });
});

function percentile(sortedMs: readonly number[], share: number): string {
  return (sortedMs[Math.min(sortedMs.length - 1, Math.floor(sortedMs.length * share))] ?? Number.NaN).toFixed(2);
}

describe('two processes on one file', () => {
  it("another process's commit reaches a resident actor's state$ and stream$ within milliseconds", async () => {
    const base = { file, id: 'one', callers: 1, count: 1 };
    const server = startWorker({ ...base, task: 'serve' });
    const watcher = startWorker({ ...base, task: 'watch' });
    await Promise.all([server, watcher].map((worker) => messageOf(worker, isReady)));
    const sinceAsked: number[] = [];
    const sinceStored: number[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      const state = messageOf<{ seen: string; balance: number; seenMs: number }>(
        watcher,
        (m) => m.seen === 'state' && m.balance === round,
      );
      const stream = messageOf<{ seen: string; version: number; seenMs: number }>(
        watcher,
        (m) => m.seen === 'stream' && m.version === round,
      );
      const stored = messageOf<{ startedMs: number; storedMs: number }>(server, (m) => 'storedMs' in m);
      server.send({ amount: 1 });
      const [{ startedMs, storedMs }, ...seen] = await Promise.all([stored, state, stream]);
      for (const { seenMs } of seen) {
        sinceAsked.push(seenMs - startedMs);
        sinceStored.push(seenMs - storedMs);
      }
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    await Promise.all([server, watcher].map((worker) => stopWorker(worker)));
    sinceAsked.sort((a, b) => a - b);
    sinceStored.sort((a, b) => a - b);
    const line = (ms: readonly number[]) => `p50 ${percentile(ms, 0.5)} ms, p99 ${percentile(ms, 0.99)} ms`;
    process.stdout.write(
      `seen in another process: ${line(sinceAsked)} after the command; ${line(sinceStored)} after it was acknowledged\n`,
    );
    expect(sinceAsked).toHaveLength(2 * ROUNDS);
  });

  it('an idle process with 1,000 resident actors uses under 2 % of a core', async () => {
    const worker = startWorker({ file, id: 'idle', task: 'idle', callers: 1, count: 1_000 });
    const { cpuShare } = await messageOf<{ cpuShare: number }>(worker, (message) => 'cpuShare' in message);
    process.stdout.write(`idle with 1,000 resident actors: ${(100 * cpuShare).toFixed(2)} % of a core\n`);
    await stopWorker(worker);
    expect(cpuShare).toBeLessThan(0.02);
  });
});
