/**
 * Several processes on one file, each killed with SIGKILL at random moments and started again, for as long as you like:
 * `npm run soak -- crashes [MINUTES]`. Checks at the end that everything acknowledged is there, whole and once. SEED=… repeats the moments.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomFrom, seedFor } from '../support/seed.js';
import { rowsOf, startWorker, stopWorker } from '../support/workers.js';

const PROCESSES = 3;
const LIFE_MS_MAX = 3_000;
const COMMIT_SIZE = 3;

const minutes = Number(process.argv[2] ?? 5);
const untilMs = Date.now() + minutes * 60_000;
const random = randomFrom(seedFor('crashes'));
const folder = mkdtempSync(join(tmpdir(), 'omniscient-soak-'));
const file = join(folder, 'events.db');
const acknowledged: string[] = [];
let crashes = 0;

async function live(): Promise<void> {
  while (Date.now() < untilMs) {
    const worker = startWorker({ file, id: 'one', task: 'transfers', callers: 32, count: Number.MAX_SAFE_INTEGER });
    let output = '';
    worker.stdout?.on('data', (chunk) => (output += chunk));
    const closed = new Promise((resolve) => worker.once('close', resolve));
    await new Promise((resolve) => setTimeout(resolve, random() * LIFE_MS_MAX));
    await stopWorker(worker, 'SIGKILL');
    await closed;
    acknowledged.push(...output.split('\n').slice(0, -1));
    crashes += 1;
  }
}

try {
  await Promise.all(Array.from({ length: PROCESSES }, live));
  const rows = rowsOf(file, 'one');
  const hole = rows.find(({ version }, i) => version !== i + 1);
  const events = new Map<string, number>();
  for (const { data } of rows) {
    const { token } = JSON.parse(data) as { token: string };
    events.set(token, (events.get(token) ?? 0) + 1);
  }
  const torn = [...events].filter(([, count]) => count !== COMMIT_SIZE).length;
  const lost = acknowledged.filter((token) => !events.has(token)).length;
  console.log(
    `${crashes} crashes, ${acknowledged.length} commands acknowledged, ${events.size} stored, ${lost} lost, ${torn} torn or doubled`,
  );
  if (hole || torn > 0 || lost > 0) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}
