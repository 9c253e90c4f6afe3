import { rmSync, statSync, writeFileSync } from 'node:fs';
import type { EngineError } from 'omniscient-nest';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { say } from './say.js';

/** A process on a disk whose syncs fail for as long as a file is there (`FAILING_SYNC`); see test/support/failing-sync.ts. */
export interface FailingSyncJob {
  readonly file: string;
  /** What it does after the sync that failed. */
  readonly then: 'die' | 'go on';
}

/** What became of the append whose sync failed, and of what came after it. */
export interface FailingSyncReport {
  readonly error: { readonly code: string; readonly retryable: boolean; readonly outcomeUnknown: boolean };
  readonly again?: { readonly code: string; readonly retryable: boolean; readonly outcomeUnknown: boolean };
  readonly logBytes?: readonly [before: number, after: number];
  readonly stored?: readonly string[];
}

const { file, then } = JSON.parse(process.argv[2] ?? '') as FailingSyncJob;
const flag = process.env.FAILING_SYNC as string;
const engine = new SqliteEngine({ file });
await engine.open();
for (const id of ['a', 'b', 'c']) await append(id);
// Written without a sync: the next one that is synced promises this too.
await engine.beat({ nodeId: 'n', incarnation: 'i', beat: 1, clockMs: 1 });

writeFileSync(flag, '');
const error = await failureOf('doubtful');
if (then === 'die') {
  say(JSON.stringify({ error } satisfies FailingSyncReport));
  process.kill(process.pid, 'SIGKILL');
}
const again = await failureOf('refused');
const before = logBytes();
rmSync(flag);
await append('after');
const stored = (await engine.readStream('s', 0, 100)).map(({ id }) => id);
say(JSON.stringify({ error, again, logBytes: [before, logBytes()], stored } satisfies FailingSyncReport));
await engine.close();

function append(id: string): Promise<unknown> {
  const metadata = JSON.stringify({ at: '2026-01-01T00:00:00.000Z' });
  const events = [{ id, name: 'noted', data: '{}', metadata }];
  return engine.append({ streamId: 's', expectedVersion: 'any', events });
}

function failureOf(id: string): Promise<FailingSyncReport['error']> {
  return append(id).then(
    () => ({ code: 'none', retryable: false, outcomeUnknown: false }),
    ({ code, retryable, outcomeUnknown }: EngineError) => ({ code, retryable, outcomeUnknown }),
  );
}

function logBytes(): number {
  return statSync(`${file}-wal`).size;
}
