import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Announcements } from '../../../lib/engines/rethinkdb/commits/announcements.js';
import { Batch } from '../../../lib/engines/rethinkdb/commits/log-entry.js';
import { PositionLog } from '../../../lib/engines/rethinkdb/commits/position-log.js';
import { Connections } from '../../../lib/engines/rethinkdb/connections/connections.js';
import { loadDriver } from '../../../lib/engines/rethinkdb/connections/driver.js';
import { settingsOf } from '../../../lib/engines/rethinkdb/connections/options.js';
import { describeWithRethinkDb, engineOn, RethinkDbProcess, stopRethinkDb } from '../../support/rethinkdb.js';

const DATABASE = 'omniscient';
const BATCHES = 30;

describeWithRethinkDb('a batch that both its writer and a sweep place', () => {
  let server: RethinkDbProcess;
  const open: { connections: Connections; log: PositionLog }[] = [];

  beforeAll(async () => {
    server = await RethinkDbProcess.start();
    // Makes the tables.
    await engineOn(server).open();
  });
  afterAll(async () => {
    for (const { connections, log } of open) {
      await log.close();
      await connections.close();
    }
    await stopRethinkDb();
  });

  async function newLog(): Promise<PositionLog> {
    const r = await loadDriver();
    const connections = new Connections(r, settingsOf({ servers: [server] }));
    const db = r.db(DATABASE);
    const log = new PositionLog(r, db, connections, new Announcements(r, db, connections));
    open.push({ connections, log });
    return log;
  }

  it('has one place, whoever is first and however late the other is', async () => {
    const [writer, sweeper] = [await newLog(), await newLog()];
    const batch = (i: number, id = `batch-${i}`) =>
      new Batch(id, [{ stream: `s${i}`, first: 1, count: 2, names: ['happened'], event: `e${i}` }]);
    const longAgoMs = performance.now() - 60_000;
    for (let i = 0; i < BATCHES; i += 1) {
      // Twice at once, on another node, and once more when both are done; other batches move the log on in between.
      writer.place(batch(i), longAgoMs);
      writer.place(batch(i), longAgoMs);
      if (i % 2 === 0) sweeper.place(batch(i), longAgoMs);
      if (i % 3 === 0) writer.place(batch(i, `other-${i}`), performance.now());
      await sleep(i % 5);
      if (i >= 5) writer.place(batch(i - 5), longAgoMs);
      if (i >= 7) sweeper.place(batch(i - 7), longAgoMs);
    }
    const distinct = BATCHES + BATCHES / 3;
    const placed = async () => (await writer.entriesAfter(0, 10_000)).entries.flatMap(({ batches }) => batches);
    while (new Set(await placed()).size < distinct) await sleep(20);
    await sleep(500);
    expect((await placed()).sort()).toEqual([...new Set(await placed())].sort());
    expect(await writer.lastPosition()).toBe(2 * distinct);
  });
});
