import { randomUUID } from 'node:crypto';
import type { EngineError } from 'omniscient-nest';
import { type AppendRequest, appendWithRetry } from 'omniscient-nest/engine';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { say } from './say.js';

/** What a bare engine in a process of its own does on a file that others use at the same time. */
export interface NodeJob {
  readonly file: string;
  readonly task: 'greet' | 'count' | 'answer' | 'pour' | 'idle';
  /** Commits to store, or streams to watch. */
  readonly count?: number;
}

/** What a node says when it is done. */
export interface NodeReport {
  readonly conflicts: number;
  /** When it began and ended, in milliseconds since 1970, and the longest that one commit took. */
  readonly startedMs: number;
  readonly endedMs: number;
  readonly longestMs: number;
  /** Share of a core, for a node that idles. */
  readonly cpuShare?: number;
}

const STREAMS = 5;
const CALLERS = 8;
const IDLE_MS = 3_000;

const job = JSON.parse(process.argv[2] ?? '') as NodeJob;
const count = job.count ?? 1;
const engine = new SqliteEngine({ file: job.file });
await engine.open();

const startedMs = now();
let conflicts = 0;
let longestMs = 0;

await { greet, count: countUp, answer, pour, idle }[job.task]();

/** One commit on a stream of its own. */
async function greet(): Promise<void> {
  await append({ streamId: `greeting-${process.pid}`, expectedVersion: 0, events: commitOf(1) });
  await report();
}

/** `count` commits at the expected version, on streams that the others want too: whoever comes late takes what is there and tries again. */
async function countUp(): Promise<void> {
  let begun = 0;
  const caller = async () => {
    while (begun < count) {
      begun += 1;
      const streamId = `shared-${begun % STREAMS}`;
      const events = commitOf(1 + (begun % 3));
      let expectedVersion = await engine.streamVersion(streamId);
      for (;;) {
        const result = await append({ streamId, expectedVersion, events });
        if (result.kind === 'appended') break;
        conflicts += 1;
        expectedVersion = result.version;
      }
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  await report();
}

/** Stores an event for each message, with the time at which that began; ends when the other side hangs up. */
async function answer(): Promise<void> {
  process.on('message', () => {
    const data = JSON.stringify({ startedMs: now() });
    void append({
      streamId: 'answers',
      expectedVersion: 'any',
      events: [{ id: randomUUID(), name: 'answered', data, metadata: '{}' }],
    });
  });
  process.once('disconnect', () => void engine.close());
  process.send?.({ ready: true });
}

/** Commits of several events without end; says of each that it is stored as soon as it is, whatever happens to this process next. */
async function pour(): Promise<void> {
  const caller = async (own: number) => {
    for (let i = 0; ; i += 1) {
      const events = commitOf(2 + (i % 3));
      await append({ streamId: `poured-${(own + i) % STREAMS}`, expectedVersion: 'any', events });
      say(`${events.map(({ id }) => id).join(' ')}`);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, i) => caller(i)));
}

/** Watches `count` streams and does nothing. */
async function idle(): Promise<void> {
  for (let i = 0; i < count; i += 1) await engine.watchStream(`stream-${i}`, () => {});
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const { user, system } = process.cpuUsage(before);
  await report((user + system) / 1_000 / IDLE_MS);
}

async function append(request: AppendRequest) {
  const beganMs = now();
  const result = await appendWithRetry(engine, request, { lastSeenVersion: 0, stopped: () => false, onRetry });
  longestMs = Math.max(longestMs, now() - beganMs);
  return result;
}

function onRetry(error: EngineError): void {
  process.send?.({ retried: error.code });
}

async function report(cpuShare?: number): Promise<void> {
  await engine.close();
  const done: NodeReport = {
    conflicts,
    startedMs,
    endedMs: now(),
    longestMs,
    ...(cpuShare !== undefined && { cpuShare }),
  };
  process.send?.({ report: done });
  process.disconnect();
}

function commitOf(events: number) {
  const token = randomUUID();
  return Array.from({ length: events }, (_, i) => ({
    id: `${token}-${i + 1}/${events}`,
    name: 'stored',
    data: '{}',
    metadata: '{}',
  }));
}

/** The same in all processes of a machine, to a fraction of a millisecond. */
function now(): number {
  return performance.timeOrigin + performance.now();
}
