import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Announcements } from '../../../lib/engines/rethinkdb/commits/announcements.js';
import { CommitReader } from '../../../lib/engines/rethinkdb/commits/commit-reader.js';
import { PlacedCommits } from '../../../lib/engines/rethinkdb/commits/placed-commits.js';
import { PositionLog } from '../../../lib/engines/rethinkdb/commits/position-log.js';
import { StoreReader } from '../../../lib/engines/rethinkdb/commits/store-reader.js';
import { loadDriver } from '../../../lib/engines/rethinkdb/connections/driver.js';
import { settingsOf } from '../../../lib/engines/rethinkdb/connections/options.js';
import type { RethinkDbEngine } from '../../../lib/engines/rethinkdb/index.js';
import { someEvents } from '../../engine/reading/flaky-engine.js';
import { CountingConnections } from '../../support/counting-connections.js';
import { describeWithRethinkDb, engineOn, RethinkDbProcess, stopRethinkDb } from '../../support/rethinkdb.js';
import { randomFrom, seedFor } from '../../support/seed.js';

const DATABASE = 'omniscient';
/** Commits of the stream that has only small ones. */
const SMALL = 300;
/** Many times what one answer may be for the driver to take it in time. */
const LARGE = 60;
const LARGE_LENGTH = 700_000;
/** What a page may have of payload and metadata before it ends with the next commit. */
const PAGE_LENGTH_MAX = 8 * 1024 * 1024;

/** Notes how many commits each fetch asks for. */
class NotingCommits extends PlacedCommits {
  readonly fetched: number[] = [];

  override async pageOf(...args: Parameters<PlacedCommits['pageOf']>): ReturnType<PlacedCommits['pageOf']> {
    const found = await super.pageOf(...args);
    this.fetched.push(found.length);
    return found;
  }
}

describeWithRethinkDb('pages of commits of all sizes', () => {
  let engine: RethinkDbEngine;
  let connections: CountingConnections;
  let reader: CommitReader;
  let placed: NotingCommits;
  let store: StoreReader;
  let log: PositionLog;
  const random = randomFrom(seedFor('rethinkdb-pages'));
  const ids: string[] = [];

  beforeAll(async () => {
    const server = await RethinkDbProcess.start();
    engine = engineOn(server);
    await engine.open();
    for (let i = 0; i < 150; i += 1) {
      const size = random() < 0.2 ? 200 + Math.floor(random() * 600) : 1 + Math.floor(random() * 3);
      const events = someEvents(size);
      ids.push(...events.map(({ id }) => id));
      await engine.append({ streamId: 's', expectedVersion: 'any', events });
    }
    for (let i = 0; i < SMALL; i += 1) {
      const events = someEvents(1);
      ids.push(...events.map(({ id }) => id));
      await engine.append({ streamId: 'small', expectedVersion: i, events });
    }
    const r = await loadDriver();
    connections = new CountingConnections(r, settingsOf({ servers: [server] }));
    const db = r.db(DATABASE);
    reader = new CommitReader(r, db.table('commits', { readMode: 'majority' }), connections);
    log = new PositionLog(r, db, connections, new Announcements(r, db, connections));
    placed = new NotingCommits(r, db, connections);
    store = new StoreReader(log, placed);
    while ((await engine.lastPosition()) < ids.length) await new Promise((resolve) => setTimeout(resolve, 10));
  });
  afterAll(async () => {
    await log.close();
    await connections.close();
    await stopRethinkDb();
  });

  it('of the whole store fetch what fills them, give everything once, and no more than was asked for', async () => {
    const seen: string[] = [];
    for (let after = 0; ; ) {
      const limit = 1 + Math.floor(random() * 1_000);
      const before = placed.fetched.length;
      const { events: page, upTo, ended } = await store.readAll(after, limit, undefined);
      expect(page.length).toBeLessThanOrEqual(limit);
      // Each commit that is fetched fills a part of the page: none is fetched to be thrown away.
      const commits = placed.fetched.slice(before).reduce((sum, count) => sum + count, 0);
      expect(commits).toBeLessThanOrEqual(page.length);
      seen.push(...page.map(({ id }) => id));
      expect(upTo).toBe(seen.length);
      if (ended) break;
      after = upTo;
    }
    expect(seen).toEqual(ids);
  });

  it('of one stream give everything once', async () => {
    const seen: string[] = [];
    for (let after = 0; ; ) {
      const page = await reader.readStream('s', after, 1 + Math.floor(random() * 1_000));
      const last = page.at(-1);
      if (!last) break;
      seen.push(...page.map(({ id }) => id));
      after = last.version;
    }
    expect(seen).toEqual(ids.slice(0, -SMALL));
  });

  it('of one stream take one question each', async () => {
    const reads: number[] = [];
    for (let after = 0; after < SMALL; after += 100) {
      const before = connections.reads;
      expect((await reader.readStream('small', after, 100)).map(({ id }) => id)).toEqual(
        ids.slice(-SMALL).slice(after, after + 100),
      );
      reads.push(connections.reads - before);
    }
    expect(reads).toEqual([1, 1, 1]);
  });
});

describeWithRethinkDb('a stream whose commits become large', () => {
  let engine: RethinkDbEngine;
  const ids: string[] = [];

  beforeAll(async () => {
    engine = engineOn(await RethinkDbProcess.start({ cacheMb: 512 }));
    await engine.open();
    const data = JSON.stringify('x'.repeat(LARGE_LENGTH));
    for (let i = 0; i < 150 + LARGE; i += 1) {
      const events = someEvents(1).map((event) => (i < 150 ? event : { ...event, data }));
      ids.push(...events.map(({ id }) => id));
      await engine.append({ streamId: 's', expectedVersion: i, events });
    }
    while ((await engine.lastPosition()) < ids.length) await new Promise((resolve) => setTimeout(resolve, 10));
  });
  afterAll(stopRethinkDb);

  it.each([
    ['by itself', (after: number) => engine.readStream('s', after, 1_000)],
    ['with the whole store', async (after: number) => (await engine.readAll(after, 1_000)).events],
  ])('is read %s, in pages that end by their length, while others get their answers', async (_, read) => {
    const seen: string[] = [];
    const pages: number[] = [];
    let isOver = false;
    // On the same connection: this fails if that is given up.
    const others = (async () => {
      while (!isOver) await engine.loadCheckpoint('none');
    })();
    for (;;) {
      const page = await read(seen.length);
      if (page.length === 0) break;
      seen.push(...page.map(({ id }) => id));
      pages.push(page.reduce((sum, { data, metadata }) => sum + data.length + metadata.length, 0));
    }
    isOver = true;
    await others;
    expect(seen).toEqual(ids);
    expect(Math.max(...pages)).toBeLessThan(PAGE_LENGTH_MAX + LARGE_LENGTH * 2);
    expect(pages.length).toBeLessThan(40);
  });
});
