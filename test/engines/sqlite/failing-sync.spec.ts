import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import type { FailingSyncJob, FailingSyncReport } from '../../processes/failing-sync.js';
import { canFailSync, failingSync } from '../../support/failing-sync.js';

const withSync = canFailSync ? it : it.skip;
if (!canFailSync)
  console.warn('NOT TESTED: a sync that fails, because there is no C compiler here, or this is not Linux');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'omniscient-sync-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const fileOf = () => join(folder, 'events.db');

function run(then: FailingSyncJob['then']): FailingSyncReport {
  const sync = failingSync();
  if (!sync) throw new Error('the compiler worked a moment ago');
  try {
    const job: FailingSyncJob = { file: fileOf(), then };
    const args = ['.build/test/processes/failing-sync.js', JSON.stringify(job)];
    const { stdout, stderr } = spawnSync(process.execPath, args, { env: sync.env, encoding: 'utf8' });
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout) as FailingSyncReport;
  } finally {
    sync.remove();
  }
}

async function storedIds(): Promise<string[]> {
  const engine = new SqliteEngine({ file: fileOf() });
  await engine.open();
  const ids = (await engine.readStream('s', 0, 100)).map(({ id }) => id);
  await engine.close();
  return ids;
}

describe('a sync that fails', () => {
  withSync('leaves in doubt what became of its commit: after a crash that is stored', async () => {
    const { error } = run('die');
    expect(error).toEqual({ code: 'IO_ERROR', retryable: true, outcomeUnknown: true });
    expect(await storedIds()).toEqual(['a', 'b', 'c', 'doubtful']);
  });

  withSync('is trusted no more: all is written and synced once more before anything else is acknowledged', async () => {
    const { again, logBytes, stored } = run('go on');
    // Nothing of it was written.
    expect(again).toEqual({ code: 'IO_ERROR', retryable: true, outcomeUnknown: false });
    const [before, after] = logBytes as [number, number];
    expect(before).toBeGreaterThan(after);
    expect(stored).toEqual(['a', 'b', 'c', 'after']);
    expect(await storedIds()).toEqual(stored);
  });
});
