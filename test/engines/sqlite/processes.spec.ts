import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { readStore } from '../../../lib/testing/conformance/kit/conformance-case.js';
import type { NodeJob, NodeReport } from '../../processes/sqlite-node.js';
import { randomFrom, seedFor } from '../../support/seed.js';
import { isReady, messageOf, stopWorker } from '../../support/workers.js';

const NODE = join(process.cwd(), '.build/test/processes/sqlite-node.js');
const ROUNDS = 200;
const CRASHES = 10;
/** Longest a node pours before it is killed. */
const LIFE_MS_MAX = 100;

let folder: string;
let file: string;
const nodes: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'omniscient-processes-'));
  file = join(folder, 'events.db');
});
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => stopWorker(node, 'SIGKILL')));
  rmSync(folder, { recursive: true });
});

function startNode(job: Omit<NodeJob, 'file'>): ChildProcess {
  if (!existsSync(NODE)) throw new Error(`${NODE} is missing: run 'npm run build' first (npm test does)`);
  const stdio = ['ignore', 'pipe', 'inherit', 'ipc'] as const;
  const node = fork(NODE, [JSON.stringify({ file, ...job })], { stdio: [...stdio], execArgv: [] });
  nodes.push(node);
  return node;
}

async function runNode(job: Omit<NodeJob, 'file'>): Promise<NodeReport> {
  const { report } = await messageOf<{ report: NodeReport }>(startNode(job), (message) => 'report' in message);
  return report;
}

/** The streams as they stand in the file, read without the library: ids in order of version. */
function streamsInFile(): Map<string, { version: number; id: string }[]> {
  const db = new Database(file, { readonly: true });
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  const rows = db
    .prepare('SELECT s.id AS stream, e.version, e.id FROM events e JOIN streams s ON s.key = e.stream ORDER BY 1, 2')
    .all() as { stream: string; version: number; id: string }[];
  db.close();
  const streams = new Map<string, { version: number; id: string }[]>();
  for (const { stream, ...row } of rows) streams.set(stream, [...(streams.get(stream) ?? []), row]);
  return streams;
}

/** Every version there once, and the events of a commit (named `token-1/3`, `token-2/3` …) whole and side by side. */
function assertSound(stream: readonly { version: number; id: string }[]): void {
  expect(stream.map(({ version }) => version)).toEqual(stream.map((_, i) => i + 1));
  for (let i = 0; i < stream.length; ) {
    const [, token, size] = /^(.*)-1\/(\d+)$/.exec(stream[i]?.id ?? '') ?? [];
    const commit = stream.slice(i, i + Number(size)).map(({ id }) => id);
    expect(commit).toEqual(Array.from({ length: Number(size) }, (_, n) => `${token}-${n + 1}/${size}`));
    i += Number(size);
  }
}

describe('several processes on one file', () => {
  it('create it together', async () => {
    for (let round = 0; round < 2; round += 1) {
      file = join(folder, `round-${round}`, 'events.db');
      await Promise.all(Array.from({ length: 6 }, () => runNode({ task: 'greet' })));
      expect([...streamsInFile().values()].map((stream) => stream.length)).toEqual([1, 1, 1, 1, 1, 1]);
    }
  });

  it('store at the same time, without hole, double or half commit, and take turns', async () => {
    const count = 600;
    const reports = await Promise.all(Array.from({ length: 3 }, () => runNode({ task: 'count', count })));
    const streams = streamsInFile();
    for (const stream of streams.values()) assertSound(stream);
    // Commits have 1, 2 or 3 events, so 2 on average.
    const events = [...streams.values()].reduce((sum, stream) => sum + stream.length, 0);
    expect(events).toBe(3 * count * 2);
    // They did work at the same time.
    expect(reports.some(({ conflicts }) => conflicts > 0)).toBe(true);
    const longestMs = Math.max(...reports.map((report) => report.longestMs));
    process.stdout.write(`3 processes x ${count} commits: the longest took ${longestMs.toFixed(0)} ms\n`);
  });
});

describe("another process's commit", () => {
  async function delaysMs(beforeNode?: () => void): Promise<number[]> {
    const engine = new SqliteEngine({ file });
    await engine.open();
    try {
      const delays: number[] = [];
      let heard: (() => void) | undefined;
      let version = 0;
      await engine.watchStream('answers', (events) => {
        const nowMs = performance.timeOrigin + performance.now();
        for (const event of events) {
          if (event.version !== version + 1) continue;
          version += 1;
          delays.push(nowMs - (JSON.parse(event.data) as { startedMs: number }).startedMs);
        }
        heard?.();
      });
      beforeNode?.();
      const node = startNode({ task: 'answer' });
      await messageOf(node, isReady);
      for (let round = 0; round < ROUNDS / (beforeNode ? 10 : 1); round += 1) {
        const wake = new Promise<void>((resolve) => (heard = resolve));
        node.send({});
        await wake;
        await sleep(Math.random() * 5);
      }
      return delays.sort((a, b) => a - b);
    } finally {
      await engine.close();
    }
  }

  it('wakes a watcher within milliseconds', async () => {
    const delays = await delaysMs();
    const at = (share: number) => delays[Math.floor((delays.length - 1) * share)] as number;
    process.stdout.write(
      `woken by another process: p50 ${at(0.5).toFixed(2)} ms, p99 ${at(0.99).toFixed(2)} ms after its append began\n`,
    );
    expect(delays).toHaveLength(ROUNDS);
    // Not a speed test: with the look-again timer alone it would be above 40.
    expect(at(0.5)).toBeLessThan(25);
  });

  it('wakes a watcher also when the bell is gone', async () => {
    // The watcher keeps listening to the file that is no more; the other process rings a new one.
    const delays = await delaysMs(() => unlinkSync(`${file}-bell`));
    expect(delays).toHaveLength(ROUNDS / 10);
  });

  it('is looked for at next to no cost', async () => {
    const { cpuShare = 1 } = await runNode({ task: 'idle', count: 1_000 });
    process.stdout.write(`idle with 1,000 watches: ${(100 * cpuShare).toFixed(2)} % of a core\n`);
    expect(cpuShare).toBeLessThan(0.02);
  });
});

describe('a process killed with SIGKILL while it stores', () => {
  it(`leaves whole commits and all that it acknowledged, ${CRASHES} times in a row on one file`, async () => {
    const random = randomFrom(seedFor('sqlite-processes'));
    const acknowledged: string[] = [];
    for (let crash = 0; crash < CRASHES; crash += 1) {
      const node = startNode({ task: 'pour' });
      let output = '';
      const pouring = new Promise<void>((resolve) => {
        node.stdout?.on('data', (chunk) => {
          output += chunk;
          resolve();
        });
      });
      const ended = new Promise((resolve) => node.once('close', resolve));
      await pouring;
      await sleep(random() * LIFE_MS_MAX);
      await stopWorker(node, 'SIGKILL');
      await ended;
      acknowledged.push(
        ...output
          .split('\n')
          .slice(0, -1)
          .flatMap((line) => line.split(' ')),
      );
    }
    const streams = streamsInFile();
    for (const stream of streams.values()) assertSound(stream);
    const stored = new Set([...streams.values()].flat().map(({ id }) => id));
    process.stdout.write(`${CRASHES} crashes: ${acknowledged.length} events acknowledged, ${stored.size} stored\n`);
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(CRASHES);

    const engine = new SqliteEngine({ file });
    await engine.open();
    expect((await readStore(engine, [])).length).toBe(stored.size);
    await engine.close();
  });
});
