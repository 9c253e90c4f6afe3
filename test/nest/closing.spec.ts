import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ClosingJob } from '../processes/closing-app.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'omniscient-closing-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What the process said, what it logged, and how it ended. */
function run(job: Omit<ClosingJob, 'file'>) {
  const args = ['.build/test/processes/closing-app.js', JSON.stringify({ ...job, file: join(folder, 'events.db') })];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [said, logged] = ['', ''];
  child.stdout.on('data', (chunk) => (said += chunk));
  child.stderr.on('data', (chunk) => (logged += chunk));
  return new Promise<{ said: string[]; logged: string; code: number | null; signal: string | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ said: linesOf(said), logged, code, signal }));
  });
}

const linesOf = (text: string) => text.split('\n').filter((line) => /^(flushed|closed|exit \d+)$/.test(line));

describe('app.close() in a process that nothing else keeps alive', () => {
  it.each([
    ['nothing', ''],
    ['task', "the task of the leader of 'mailer' did not end"],
    ['failing task', 'no mail server'],
    ['projection', "the task of the leader of '$projection-Model' did not end"],
    ['checkpoint', 'the database of the read model is down'],
    ['command', 'not everything was stored'],
    ['listener', ''],
    ['onPassivate', 'onPassivate'],
  ] as const)('ends before the process does, also if what never ends is: %s', async (never, log) => {
    const { said, logged, code } = await run({ never, by: 'close' });
    expect({ said, code }).toEqual({ said: ['flushed', 'closed', 'exit 0'], code: 0 });
    expect(logged).toContain(log);
  });

  it.each(['nothing', 'task', 'projection'] as const)('ends on SIGTERM too, with all hooks run: %s', async (never) => {
    const { said, code, signal } = await run({ never, by: 'signal' });
    // Nest sends the process the signal again when all hooks have run.
    expect({ said, code, signal }).toEqual({ said: ['flushed'], code: null, signal: 'SIGTERM' });
  });
});
