import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AwaitingJob } from '../processes/awaiting-app.js';
import { eventually } from '../support/eventually.js';

type What = AwaitingJob['what'];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'omniscient-awaiting-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function start(what: What, file: string) {
  const job: AwaitingJob = { what, file: join(folder, file) };
  const child = spawn(process.execPath, ['.build/test/processes/awaiting-app.js', JSON.stringify(job)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const told = { said: '', logged: '' };
  child.stdout.on('data', (chunk) => (told.said += chunk));
  child.stderr.on('data', (chunk) => (told.logged += chunk));
  const ended = new Promise<string[]>((resolve) => {
    child.once('close', () => resolve(linesOf(told.said)));
  });
  return { child, told, ended };
}

const linesOf = (text: string) => text.split('\n').filter((line) => /^(ready|awaited .*|exit \d+)$/.test(line));

describe('a process in which nothing happens but that somebody awaits something', () => {
  let leader: { child: ChildProcess; told: { said: string; logged: string }; ended: Promise<string[]> };
  beforeAll(async () => {
    leader = start('lead', 'shared.db');
    await eventually(() => leader.told.said.includes('ready'), 30_000);
  });
  afterAll(async () => {
    leader.child.stdin?.end();
    await leader.ended;
  });

  it.each<[what: What, answer: string]>([
    ['command', '2'],
    ['loading', '1'],
    ['retried append', '1'],
    ['silent append', 'COMMIT_TIMEOUT'],
    ['leader$', 'string'],
    ['progress$', 'true'],
    ['retry', 'retried'],
    ['nothing', 'nothing'],
  ])('does not end before that is there: %s', async (what, answer) => {
    const { ended, told } = start(
      what,
      ['command', 'loading', 'retry', 'progress$'].includes(what) ? 'shared.db' : `${what}.db`,
    );
    expect({ said: await ended, logged: told.logged }).toEqual({ said: [`awaited ${answer}`, 'exit 0'], logged: '' });
  });

  it('does not end before an event comes that another process brings about', async () => {
    const whats = ['stream$', 'named$', 'state$', 'iterator'] as const;
    const waiting = whats.map((what) => start(what, 'shared.db'));
    // One that does not wait is over soon after it has begun to.
    await eventually(() => waiting.every(({ told }) => told.said.includes('waiting')), 30_000);
    await sleep(500);
    expect(waiting.map(({ told }) => linesOf(told.said))).toEqual([[], [], [], []]);
    leader.child.stdin?.write('ring\n');
    for (const { ended } of waiting) expect(await ended).toEqual(['awaited 2', 'exit 0']);
  });
});
