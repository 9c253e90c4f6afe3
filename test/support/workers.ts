import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Job, Report } from '../processes/worker.js';

const WORKER = join(process.cwd(), '.build/test/processes/worker.js');

/** Starts a worker process on the compiled package. */
export function startWorker(job: Job): ChildProcess {
  if (!existsSync(WORKER)) throw new Error(`${WORKER} is missing: run 'npm run build' first (npm test does)`);
  const worker = fork(WORKER, [JSON.stringify(job)], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], execArgv: [] });
  running.add(worker);
  worker.once('exit', () => running.delete(worker));
  return worker;
}

const running = new Set<ChildProcess>();

/** For the end of a spec, also of one that failed: a worker left behind would keep the test runner alive. */
export async function killWorkers(): Promise<void> {
  await Promise.all([...running].map((worker) => stopWorker(worker, 'SIGKILL')));
}

/** The next message of a worker that `wanted` accepts; fails if the worker ends before. */
export function messageOf<Message extends object>(
  worker: ChildProcess,
  wanted: (message: Message) => boolean,
): Promise<Message> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null, signal: string | null) =>
      reject(new Error(`the worker ended: ${signal ?? code}`));
    const heard = (message: unknown) => {
      if (!wanted(message as Message)) return;
      worker.off('message', heard);
      worker.off('exit', ended);
      resolve(message as Message);
    };
    worker.on('message', heard);
    worker.once('exit', ended);
  });
}

export const isReady = (message: { ready?: boolean }): boolean => message.ready === true;

/** Runs a worker to its end. */
export async function runWorker(job: Job): Promise<Report> {
  const worker = startWorker(job);
  const exit = new Promise((resolve) => worker.once('exit', resolve));
  const { report } = await messageOf<{ report: Report }>(worker, (message) => 'report' in message);
  await exit;
  return report;
}

export async function stopWorker(worker: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  const exit = new Promise((resolve) => worker.once('exit', resolve));
  worker.kill(signal);
  await exit;
}

export interface Row {
  version: number;
  id: string;
  name: string;
  data: string;
  metadata: string;
}

/** The stream as it stands in the file, read without the library. */
export function rowsOf(file: string, streamId: string): Row[] {
  const db = new Database(file, { readonly: true });
  try {
    return db
      .prepare(
        'SELECT e.version, e.id, e.name, e.data, e.metadata FROM events e JOIN streams s ON s.key = e.stream WHERE s.id = ? ORDER BY e.version',
      )
      .all(streamId) as Row[];
  } finally {
    db.close();
  }
}
