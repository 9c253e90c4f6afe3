import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { randomFrom, seedFor } from '../support/seed.js';
import { killWorkers, rowsOf, startWorker, stopWorker } from '../support/workers.js';

const CRASHES = Number(process.env.CRASHES ?? 50);
/** Longest a worker lives under load before it is killed. */
const LIFE_MS_MAX = 120;

describe('a process killed with SIGKILL under load, many times in a row on one file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'omniscient-crash-'));
  const file = join(folder, 'events.db');
  const random = randomFrom(seedFor('crash'));
  const acknowledged: string[] = [];
  afterAll(async () => {
    await killWorkers();
    rmSync(folder, { recursive: true });
  });

  /** Lets a worker run, kills it at some moment, and keeps what it had acknowledged by then. */
  async function crashOnce(): Promise<void> {
    const worker = startWorker({ file, id: 'one', task: 'transfers', callers: 64, count: Number.MAX_SAFE_INTEGER });
    let output = '';
    const underLoad = new Promise((resolve) => {
      worker.stdout?.on('data', (chunk) => {
        output += chunk;
        resolve(undefined);
      });
    });
    const ended = new Promise((resolve) => worker.once('close', resolve));
    await underLoad;
    await new Promise((resolve) => setTimeout(resolve, random() * LIFE_MS_MAX));
    await stopWorker(worker, 'SIGKILL');
    await ended;
    acknowledged.push(...output.split('\n').slice(0, -1));
  }

  it(`keeps every acknowledged command, whole and once, over ${CRASHES} crashes`, async () => {
    for (let crash = 0; crash < CRASHES; crash += 1) await crashOnce();
    const rows = rowsOf(file, 'one');
    expect(rows.every(({ version }, i) => version === i + 1)).toBe(true);
    const events = new Map<string, string[]>();
    for (const { name, data } of rows) {
      const { token } = JSON.parse(data) as { token: string };
      events.set(token, [...(events.get(token) ?? []), name]);
    }
    const whole = JSON.stringify(['transfer_begun', 'transfer_noted', 'transfer_ended']);
    const notWhole = [...events].filter(([, names]) => JSON.stringify(names) !== whole);
    const missing = acknowledged.filter((token) => !events.has(token));
    process.stdout.write(`${CRASHES} crashes: ${acknowledged.length} commands acknowledged, ${events.size} stored\n`);
    expect(notWhole).toEqual([]);
    expect(missing).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(CRASHES);
  });
});
