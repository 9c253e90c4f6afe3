import assert from 'node:assert/strict';
import type { AppendResult, Engine } from '../../../engine/duties/index.js';
import { SYSTEM, sleep } from '../../../engine/environment/index.js';
import type { EventRecord, NewEvent } from '../../../kernel/values/index.js';
import { seed } from './random.js';

/** One promise of an engine. `run` rejects with an assertion error if the engine does not keep it. */
export interface ConformanceCase {
  readonly duty:
    | 'append'
    | 'read'
    | 'follow'
    | 'snapshots'
    | 'nodes'
    | 'messages'
    | 'ticks'
    | 'checkpoints'
    | 'lifecycle';
  readonly name: string;
  /** `engines(n)` resolves to n opened engines on one empty store. They are closed when the case is over. */
  run(engines: OpenEngines, fixture: EngineFixture): Promise<void>;
}

/** A store to test, and engines on it. Each case gets a new one. */
export interface EngineFixture {
  /** Returns another engine on this store, not opened yet, as if another process came. */
  newEngine(): Engine;
  /** Frees the store. All engines are closed by then. */
  dispose(): Promise<void>;
}

/** Opens engines on one empty store. Default: one engine. */
export type OpenEngines = (count?: number) => Promise<[Engine, ...Engine[]]>;

/**
 * Runs one case on a fixture of its own, and always cleans up.
 *
 * @throws an assertion error if the promise is not kept.
 */
export async function runCase(
  conformanceCase: ConformanceCase,
  newFixture: () => Promise<EngineFixture>,
): Promise<void> {
  const fixture = await newFixture();
  const opened: Engine[] = [];
  const open: OpenEngines = async (count = 1) => {
    const engines = Array.from({ length: count }, () => fixture.newEngine());
    for (const engine of engines) {
      await engine.open();
      opened.push(engine);
    }
    return engines as [Engine, ...Engine[]];
  };
  try {
    await conformanceCase.run(open, fixture);
  } catch (error) {
    if (error instanceof Error) error.message += `\n(SEED=${seed})`;
    throw error;
  } finally {
    for (const engine of opened) await engine.close();
    await fixture.dispose();
  }
}

/** Returns a new event to append, with an id of its own. */
export function newEvent(name = 'happened', data: unknown = {}): NewEvent {
  return { id: SYSTEM.uuid(), name, data: JSON.stringify(data), metadata: '{"at":"2026-01-01T00:00:00.000Z"}' };
}

export function newEvents(count: number, name = 'happened'): NewEvent[] {
  return Array.from({ length: count }, (_, i) => newEvent(name, { i }));
}

/** Appends and asserts success. Resolves to the version of the first event. */
export async function store(
  engine: Engine,
  streamId: string,
  expectedVersion: number | 'any',
  events: readonly NewEvent[],
): Promise<number> {
  const result = await engine.append({ streamId, expectedVersion, events });
  assertAppended(result);
  return result.version;
}

export function assertAppended(result: AppendResult): asserts result is Extract<AppendResult, { kind: 'appended' }> {
  assert.equal(
    result.kind,
    'appended',
    `expected the append to be stored, but got ${JSON.stringify(result).slice(0, 200)}`,
  );
}

export function assertConflict(result: AppendResult): asserts result is Extract<AppendResult, { kind: 'conflict' }> {
  assert.equal(result.kind, 'conflict', `expected a conflict, but got ${JSON.stringify(result).slice(0, 200)}`);
}

/** Resolves to the whole stream, read page by page. */
export async function readWhole(engine: Engine, streamId: string, pageSize = 1_000): Promise<EventRecord[]> {
  const events: EventRecord[] = [];
  for (;;) {
    const page = await engine.readStream(streamId, events.at(-1)?.version ?? 0, pageSize);
    if (page.length === 0) return events;
    assert.ok(page.length <= pageSize, `a page of ${page.length} events was given where ${pageSize} were asked for`);
    events.push(...page);
  }
}

/** Resolves to the whole store, read page by page. It consists of these streams. */
export async function readStore(
  engine: Engine,
  streamIds: readonly string[],
  pageSize = 1_000,
  names?: readonly string[],
): Promise<EventRecord[]> {
  await positionsGiven(engine, streamIds);
  const events: EventRecord[] = [];
  for (let after = 0; ; ) {
    const page = await engine.readAll(after, pageSize, names);
    events.push(...page.events);
    if (page.ended) return events;
    assert.ok(page.upTo > after, `a page that is not the last one goes no further than position ${after}`);
    after = page.upTo;
  }
}

/**
 * Asserts that there are exactly these events, in this order, at versions 1, 2, 3 …, with every text as it was given.
 */
export function assertStream(found: readonly EventRecord[], streamId: string, given: readonly NewEvent[]): void {
  const plain = found.map(({ id, name, data, metadata, version, streamId: of }) => ({
    id,
    name,
    data,
    metadata,
    version,
    of,
  }));
  assert.deepEqual(
    plain,
    given.map(({ id, name, data, metadata }, i) => ({ id, name, data, metadata, version: i + 1, of: streamId })),
  );
}

/** Waits until `holds` returns true, at most `forMs` milliseconds. */
export async function eventually(what: string, holds: () => boolean, forMs = 5_000): Promise<void> {
  const deadlineMs = SYSTEM.monotonicMs() + forMs;
  while (!holds()) {
    assert.ok(SYSTEM.monotonicMs() < deadlineMs, `${what}: not within ${forMs} ms`);
    await pause(2);
  }
}

/** Waits until every event of these streams has its position. An engine may assign it a moment after the commit. */
export async function positionsGiven(engine: Engine, streamIds: readonly string[]): Promise<void> {
  let count = 0;
  for (const streamId of streamIds) count += await engine.streamVersion(streamId);
  for (let looks = 0; looks < 1_000 && (await engine.lastPosition()) < count; looks += 1) await pause(2);
}

export function pause(ms: number): Promise<void> {
  return sleep(SYSTEM, ms);
}
