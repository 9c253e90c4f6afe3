import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isReady, killWorkers, messageOf, rowsOf, startWorker } from '../support/workers.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'omniscient-shutdown-'));
});
afterEach(async () => {
  await killWorkers();
  rmSync(folder, { recursive: true });
});

describe('SIGTERM under load', () => {
  it('stores all that was accepted and says so, refuses the rest, and ends by itself', async () => {
    const file = join(folder, 'events.db');
    const worker = startWorker({ file, id: 'one', task: 'untilShutdown', callers: 64, count: Number.MAX_SAFE_INTEGER });
    let output = '';
    worker.stdout?.on('data', (chunk) => (output += chunk));
    const ended = new Promise<number | null>((resolve) => worker.once('close', resolve));
    await messageOf(worker, isReady);
    await sleep(200);
    worker.kill('SIGTERM');
    await ended;
    expect(worker.signalCode === null || worker.signalCode === 'SIGTERM').toBe(true);
    const calls = output
      .trim()
      .split('\n')
      .map((line) => line.split(' ') as [string, string]);
    const tokensThat = (how: string) => calls.filter(([end]) => end === how).map(([, token]) => token);
    const stored = [...new Set(rowsOf(file, 'one').map(({ data }) => (JSON.parse(data) as { token: string }).token))];
    process.stdout.write(
      `SIGTERM: ${tokensThat('stored').length} stored, ${tokensThat('SHUTTING_DOWN').length} refused\n`,
    );
    expect(stored.sort()).toEqual(tokensThat('stored').sort());
    expect(tokensThat('SHUTTING_DOWN').length).toBeGreaterThan(0);
    expect(calls.filter(([end]) => end !== 'stored' && end !== 'SHUTTING_DOWN')).toEqual([]);
  });
});
