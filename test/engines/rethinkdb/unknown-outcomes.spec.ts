import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EngineError } from 'omniscient-nest';
import type { RethinkDbEngine } from 'omniscient-nest/rethinkdb';
import { appendWithRetry } from '../../../lib/engine/writing/append-retry.js';
import { commitKeyOf } from '../../../lib/engines/rethinkdb/commits/keys.js';
import { newEvents, readStore } from '../../../lib/testing/conformance/kit/conformance-case.js';
import { patientMs } from '../../support/machine-speed.js';
import {
  describeWithRethinkDb,
  engineOn,
  RethinkDbProcess,
  stopRethinkDb,
  withDriver,
} from '../../support/rethinkdb.js';
import { rethinkDbWriter } from '../../support/rethinkdb-writer.js';

const DATABASE = 'omniscient';
/** As long as it takes until every sweep has seen everything. Milliseconds. */
const SWEPT_MS = 5_000;

const lost = (outcomeUnknown: boolean) =>
  new EngineError('ENGINE_TIMEOUT', 'no answer', { retryable: true, outcomeUnknown });

describeWithRethinkDb('a commit of which it is not known what became of it', () => {
  let server: RethinkDbProcess;
  let other: RethinkDbEngine;
  const closing: (() => unknown)[] = [];

  beforeAll(async () => {
    server = await RethinkDbProcess.start();
    other = engineOn(server, { database: DATABASE });
    await other.open();
  });
  afterAll(async () => {
    for (const close of closing) await close();
    await stopRethinkDb();
  });

  async function newWriter() {
    const writer = await rethinkDbWriter(server, DATABASE);
    closing.push(() => writer.die());
    return writer;
  }

  const idsOn = async (streamId: string) => (await other.readStream(streamId, 0, 100)).map(({ id }) => id);

  async function positionsOf(eventId: string): Promise<number[]> {
    const all = await readStore(other, []);
    return all.filter(({ id }) => id === eventId).map(({ position }) => position);
  }

  it('is stored once, though what others in its batch wanted to know could not be read', async () => {
    const writer = await newWriter();
    await other.append({ streamId: 'taken', expectedVersion: 0, events: newEvents(1) });
    await writer.append({ streamId: 'free', expectedVersion: 'any', events: newEvents(1) });
    let isStored = false;
    writer.connections.onWrite = async (run) => {
      const answer = await run();
      isStored = true;
      return answer;
    };
    let failures = 0;
    writer.connections.onRead = async (run) => {
      if (!isStored || failures > 1) return run();
      failures += 1;
      throw lost(false);
    };
    const options = { lastSeenVersion: 1, stopped: () => false };
    const events = newEvents(1);
    const [free, taken] = await Promise.all([
      appendWithRetry(writer, { streamId: 'free', expectedVersion: 'any', events }, options),
      appendWithRetry(writer, { streamId: 'taken', expectedVersion: 0, events: newEvents(1) }, options),
    ]);
    expect(failures).toBeGreaterThan(0);
    expect([free.kind, taken.kind]).toEqual(['appended', 'conflict']);
    expect((await idsOn('free')).filter((id) => id === events[0]?.id)).toHaveLength(1);
  });

  it('is said to be in doubt when it could not be read which of its batch were stored', async () => {
    const writer = await newWriter();
    await other.append({ streamId: 'first', expectedVersion: 0, events: newEvents(1) });
    let isStored = false;
    writer.connections.onWrite = async (run) => {
      const answer = await run();
      isStored = true;
      return answer;
    };
    writer.connections.onRead = async (run) => {
      if (!isStored) return run();
      throw lost(false);
    };
    const told = await Promise.allSettled([
      writer.append({ streamId: 'second', expectedVersion: 0, events: newEvents(1) }),
      writer.append({ streamId: 'first', expectedVersion: 0, events: newEvents(1) }),
    ]);
    for (const each of told) expect(each).toMatchObject({ reason: { retryable: true, outcomeUnknown: true } });
    expect(await idsOn('second')).toHaveLength(1);
  });

  it('is stored once, though another stream of its batch was changed by hand', async () => {
    await other.append({ streamId: 'edited', expectedVersion: 0, events: newEvents(1) });
    const edit = (last: number) =>
      withDriver(server, (r, run) =>
        run(r.db(DATABASE).table('commits').get(commitKeyOf('edited', 1)).update({ last })),
      );
    await edit(7);
    const writer = await newWriter();
    const events = newEvents(1);
    const [whole, edited] = await Promise.allSettled([
      writer.append({ streamId: 'whole', expectedVersion: 'any', events }),
      writer.append({ streamId: 'edited', expectedVersion: 0, events: newEvents(1) }),
    ]);
    await edit(1);
    expect(whole).toMatchObject({ value: { kind: 'appended', version: 1 } });
    expect(edited).toMatchObject({ reason: { code: 'COMMIT_UNREADABLE' } });
    expect(await idsOn('whole')).toEqual([events[0]?.id]);
  });

  it('has one place, though its writer took so long to find the end of the log that another had swept it', async () => {
    const writer = await newWriter();
    let isFirst = true;
    writer.logConnections.onRead = async (run) => {
      const isSlow = isFirst;
      isFirst = false;
      if (isSlow) await sleep(SWEPT_MS - 1_000);
      return run();
    };
    const events = newEvents(1);
    await writer.append({ streamId: 'slow', expectedVersion: 0, events });
    await sleep(SWEPT_MS + 1_000);
    expect(await positionsOf(events[0]?.id as string)).toHaveLength(1);
  });

  it('has a place, though it was stored without what announces it, and its writer died', async () => {
    const writer = await newWriter();
    let isFirst = true;
    writer.connections.onWrite = async (run) => {
      const answer = await run();
      if (!isFirst) return answer;
      isFirst = false;
      // As a server leaves it that dies in the middle of an insert.
      await withDriver(server, (r, run) => run(r.db(DATABASE).table('commits').between(':', ';').delete()));
      throw lost(true);
    };
    const events = newEvents(1);
    const options = { lastSeenVersion: 0, stopped: () => false };
    const result = await appendWithRetry(writer, { streamId: 'alone', expectedVersion: 0, events }, options);
    await writer.die();
    expect(result).toEqual({ kind: 'appended', version: 1 });
    const deadlineMs = performance.now() + patientMs(3 * SWEPT_MS);
    const id = events[0]?.id as string;
    while ((await positionsOf(id)).length === 0 && performance.now() < deadlineMs) await sleep(100);
    expect(await positionsOf(id)).toHaveLength(1);
  });
});
