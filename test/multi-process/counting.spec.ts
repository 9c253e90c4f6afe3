import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { killWorkers, type Row, rowsOf, runWorker } from '../support/workers.js';

const COUNT = 10_000;

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'omniscient-count-'));
  file = join(folder, 'events.db');
});
afterEach(async () => {
  await killWorkers();
  rmSync(folder, { recursive: true });
});

function expectNoHoles(rows: readonly Row[], count: number): void {
  expect(rows.length).toBe(count);
  expect(rows.every(({ version }, i) => version === i + 1)).toBe(true);
  expect(new Set(rows.map(({ id }) => id)).size).toBe(count);
}

describe.each(['payIn', 'payInDecided'] as const)('64 callers do %s 10,000 times on one actor', (task) => {
  it('in one process', async () => {
    const report = await runWorker({ file, id: 'one', task, callers: 64, count: COUNT });
    expect(report).toMatchObject({ done: COUNT, balance: COUNT, version: COUNT });
    expectNoHoles(rowsOf(file, 'one'), COUNT);
  });

  it('in four processes on one file', async () => {
    const startedMs = Date.now();
    const jobs = Array.from({ length: 4 }, () => runWorker({ file, id: 'one', task, callers: 16, count: COUNT / 4 }));
    const reports = await Promise.all(jobs);
    process.stdout.write(`four processes, ${task}: ${COUNT} commands in ${Date.now() - startedMs} ms with start-up\n`);
    expect(reports.map(({ done }) => done)).toEqual([2_500, 2_500, 2_500, 2_500]);
    expect(Math.max(...reports.map(({ balance }) => balance))).toBe(COUNT);
    expectNoHoles(rowsOf(file, 'one'), COUNT);
  });
});

describe('rules and refusals between four processes', () => {
  it('never goes below zero, at no point of the history, and exactly what was there is paid out', async () => {
    await runWorker({ file, id: 'one', task: 'payIn', callers: 64, count: 500 });
    const takers = Array.from({ length: 3 }, () =>
      runWorker({ file, id: 'one', task: 'payOut', callers: 16, count: 400 }),
    );
    const giver = runWorker({ file, id: 'one', task: 'payIn', callers: 4, count: 100 });
    const reports = await Promise.all(takers);
    await giver;
    let balance = 0;
    const rows = rowsOf(file, 'one');
    for (const { name } of rows) {
      balance += name === 'paid_in' ? 1 : -1;
      expect(balance).toBeGreaterThanOrEqual(0);
    }
    const paidOut = rows.filter(({ name }) => name === 'paid_out').length;
    expect(reports.reduce((sum, { done }) => sum + done, 0)).toBe(paidOut);
    expectNoHoles(rows, 600 + paidOut);
  });

  it("'reject' throws ConflictError to the one who came second, and stores nothing of his", async () => {
    const jobs = Array.from({ length: 4 }, () =>
      runWorker({ file, id: 'one', task: 'payInAlone', callers: 4, count: 250 }),
    );
    const reports = await Promise.all(jobs);
    const done = reports.reduce((sum, report) => sum + report.done, 0);
    const conflicts = reports.reduce((sum, report) => sum + report.conflicts, 0);
    process.stdout.write(`reject: ${done} stored, ${conflicts} conflicts\n`);
    expect(done + conflicts).toBe(1_000);
    expect(conflicts).toBeGreaterThan(0);
    expectNoHoles(rowsOf(file, 'one'), done);
  });

  it('two classes on one id, under load from both and in two processes, never make each other run again', async () => {
    const looks = 2_000;
    const [audit, pay, alsoAudit] = await Promise.all([
      runWorker({ file, id: 'one', task: 'look', callers: 32, count: looks }),
      runWorker({ file, id: 'one', task: 'payInDecided', callers: 32, count: looks }),
      runWorker({ file, id: 'two', task: 'look', callers: 32, count: looks }),
    ]);
    expect(audit.runs).toBe(looks);
    expect(alsoAudit.runs).toBe(looks);
    expect(pay.balance).toBe(looks);
    expectNoHoles(rowsOf(file, 'one'), 2 * looks);
  });
});
