import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { RethinkDbEngine } from 'omniscient-nest/rethinkdb';
import { Announcements } from '../../../lib/engines/rethinkdb/commits/announcements.js';
import { commitKeyOf } from '../../../lib/engines/rethinkdb/commits/keys.js';
import { Batch, packEntry } from '../../../lib/engines/rethinkdb/commits/log-entry.js';
import { PlacedCommits } from '../../../lib/engines/rethinkdb/commits/placed-commits.js';
import { PositionLog } from '../../../lib/engines/rethinkdb/commits/position-log.js';
import { Watcher } from '../../../lib/engines/rethinkdb/commits/watcher.js';
import { Connections } from '../../../lib/engines/rethinkdb/connections/connections.js';
import { loadDriver, type Reql, type Term } from '../../../lib/engines/rethinkdb/connections/driver.js';
import { FeedConnection } from '../../../lib/engines/rethinkdb/connections/feed-connection.js';
import { settingsOf } from '../../../lib/engines/rethinkdb/connections/options.js';
import type { EventRecord } from '../../../lib/kernel/values/event.js';
import { newEvents, store } from '../../../lib/testing/conformance/kit/conformance-case.js';
import { CountingConnections } from '../../support/counting-connections.js';
import { patientMs } from '../../support/machine-speed.js';
import {
  describeWithRethinkDb,
  engineOn,
  RethinkDbProcess,
  stopRethinkDb,
  withDriver,
} from '../../support/rethinkdb.js';

const DATABASE = 'omniscient';
const STREAMS = 2_000;
/** Appended to at the same time, so that they share inserts and entries. */
const TOGETHER = 200;

/** A log that is not looked at while something stands in it that no majority would give. */
class HeldLog extends PositionLog {
  #held: Promise<void> | undefined;
  readonly #underWay = new Set<Promise<unknown>>();

  override async outlinesFrom(...args: Parameters<PositionLog['outlinesFrom']>) {
    await this.#held;
    const read = super.outlinesFrom(...args);
    this.#underWay.add(read);
    return read.finally(() => this.#underWay.delete(read));
  }

  async while<T>(work: () => Promise<T>): Promise<T> {
    let release = () => {};
    this.#held = new Promise((resolve) => {
      release = resolve;
    });
    try {
      // A read that is under way would find an entry that no majority has.
      await Promise.allSettled(this.#underWay);
      return await work();
    } finally {
      this.#held = undefined;
      release();
    }
  }
}

describeWithRethinkDb('what watches streams on RethinkDB', () => {
  let server: RethinkDbProcess;
  let writer: RethinkDbEngine;
  let connections: CountingConnections;
  let line: FeedConnection;
  let watcher: Watcher;
  let log: HeldLog;
  let placed: PlacedCommits;
  let r: Reql;
  let db: Term;
  const woken = new Map<string, EventRecord[][]>();
  const streamIds = Array.from({ length: STREAMS }, (_, i) => `s${i}`);

  beforeAll(async () => {
    server = await RethinkDbProcess.start();
    writer = engineOn(server);
    await writer.open();
    r = await loadDriver();
    db = r.db(DATABASE);
    connections = new CountingConnections(r, settingsOf({ servers: [server] }));
    line = new FeedConnection(new Connections(r, settingsOf({ servers: [server] })));
    placed = new PlacedCommits(r, db, connections);
    log = new HeldLog(r, db, connections, new Announcements(r, db, connections));
    watcher = new Watcher(db, line, log, placed);
    for (const id of streamIds) await watcher.watchStream(id, (events) => woken.get(id)?.push([...events]));
  });
  beforeEach(() => {
    for (const id of streamIds) woken.set(id, []);
    connections.reads = 0;
  });
  afterAll(async () => {
    watcher.close();
    await line.close();
    await connections.close();
    await stopRethinkDb();
  });

  const eventsOf = (streamId: string) => woken.get(streamId)?.flat() ?? [];
  /**
   * An event may come twice: from the feed, and from a look at the log, even after the next test has begun. So tests ask
   * for versions and never count what came.
   */
  const hasBrought = (streamId: string, ...versions: number[]) =>
    versions.every((version) => eventsOf(streamId).some((event) => event.version === version));
  async function until(condition: () => boolean, withinMs = 10_000): Promise<void> {
    const deadlineMs = performance.now() + patientMs(withinMs);
    while (!condition() && performance.now() < deadlineMs) await sleep(5);
    expect(condition()).toBe(true);
  }

  it('is brought what others stored with a few questions for all of them', async () => {
    const some = streamIds.slice(0, TOGETHER);
    await Promise.all(some.map((id) => store(writer, id, 'any', newEvents(2))));
    await until(() => some.every((id) => hasBrought(id, 1, 2)));
    for (const id of some) expect(eventsOf(id).every(({ streamId }) => streamId === id)).toBe(true);
    // A question for each entry of the log, and a look each second.
    expect(connections.reads).toBeLessThan(TOGETHER / 4);
  });

  it('asks the log what was missed when the feed was lost, not about every stream', async () => {
    await line.drop();
    await Promise.all(streamIds.slice(0, TOGETHER).map((id) => store(writer, id, 'any', newEvents(1))));
    await until(() => streamIds.slice(0, TOGETHER).every((id) => hasBrought(id, 3)));
    expect(connections.reads).toBeLessThan(TOGETHER / 4);
    // Nobody else was woken.
    for (const id of streamIds.slice(TOGETHER)) expect(woken.get(id)).toEqual([]);
  });

  it('is brought what stands in the log where the feed told of something that was rolled back', async () => {
    const end = await writer.lastPosition();
    await log.while(() =>
      withDriver(server, async (driver, run) => {
        const entries = driver.db(DATABASE).table('log');
        await run(entries.insert(packEntry(end, 100, [new Batch('rolled back', [])])));
        await sleep(100);
        await run(entries.get(end).delete());
      }),
    );
    // With the server that took it back the feed is lost.
    const dropped = line.drop();
    await store(writer, 's9', 3, newEvents(1));
    await dropped;
    await until(() => hasBrought('s9', 4));
    expect(await writer.lastPosition()).toBe(end + 1);
  });

  it('is brought all of an entry that was rolled back and written again with more', async () => {
    const end = await writer.lastPosition();
    const batches = ['s1000', 's1001'].map((stream) => {
      const stored = newEvents(1);
      const commit = { stream, first: 1, count: 1, event: stored[0]?.id as string, names: ['happened'] };
      const document = { id: commitKeyOf(stream, 1), stream, first: 1, last: 1, events: stored };
      return { document, batch: new Batch(`batch of ${stream}`, [commit]) };
    });
    const whole = batches.map(({ batch }) => batch);
    await log.while(() =>
      withDriver(server, async (driver, run) => {
        const [commits, entries] = [driver.db(DATABASE).table('commits'), driver.db(DATABASE).table('log')];
        await run(commits.insert(batches.map(({ document }) => document)));
        await run(entries.insert(packEntry(end, 1, whole.slice(0, 1))));
        await until(() => hasBrought('s1000', 1));
        const dropped = line.drop();
        await run(entries.get(end).replace(packEntry(end, 2, whole)));
        await dropped;
      }),
    );
    await until(() => hasBrought('s1001', 1));
  });

  it('never shows what has another event than the log says', async () => {
    const own = newEvents(1);
    await store(writer, 'other', 0, own);
    const commit = { stream: 'other', first: 1, count: 1, event: own[0]?.id as string, names: ['happened'] };
    const found = await placed.eventsOf([commit]);
    expect(found.flat().map(({ id }) => id)).toEqual([commit.event]);
    const key = commitKeyOf('other', 1);
    await withDriver(server, async (driver, run) => {
      const changed = { events: [{ id: 'somebody else', name: 'happened', data: '{}', metadata: '{}' }] };
      await run(driver.db(DATABASE).table('commits').get(key).update(changed));
    });
    const asked = placed.eventsOf([commit]);
    await expect(asked).rejects.toMatchObject({ code: 'COMMIT_UNREADABLE', message: expect.stringContaining(key) });
  });

  it('goes on after an entry that somebody broke by hand', async () => {
    await withDriver(server, (driver, run) =>
      run(driver.db(DATABASE).table('log').insert({ id: 1_000_000_000, count: 1, commits: '{', batches: [] })),
    );
    await withDriver(server, (driver, run) => run(driver.db(DATABASE).table('log').get(1_000_000_000).delete()));
    await store(writer, 's7', 'any', newEvents(1));
    await until(() => (woken.get('s7')?.flat().length ?? 0) > 0);
  });
});
