import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EngineError } from 'omniscient-nest';
import type { AppendRequest } from '../../../lib/engine/duties/append.js';
import { appendWithRetry } from '../../../lib/engine/writing/append-retry.js';
import { Announcements } from '../../../lib/engines/rethinkdb/commits/announcements.js';
import { CommitReader } from '../../../lib/engines/rethinkdb/commits/commit-reader.js';
import { Commits } from '../../../lib/engines/rethinkdb/commits/commits.js';
import { PositionLog } from '../../../lib/engines/rethinkdb/commits/position-log.js';
import { Sweeper } from '../../../lib/engines/rethinkdb/commits/sweeper.js';
import { Connections } from '../../../lib/engines/rethinkdb/connections/connections.js';
import { loadDriver, type Term } from '../../../lib/engines/rethinkdb/connections/driver.js';
import { settingsOf } from '../../../lib/engines/rethinkdb/connections/options.js';
import { newEvents, readStore, readWhole } from '../../../lib/testing/conformance/kit/conformance-case.js';
import { patientMs } from '../../support/machine-speed.js';
import { describeWithRethinkDb, engineOn, RethinkDbProcess, stopRethinkDb } from '../../support/rethinkdb.js';
import { randomFrom, seedFor } from '../../support/seed.js';

const DATABASE = 'omniscient';
const STREAMS = 40;
const ROUNDS = 8;
/** As long as it takes until every sweep has seen everything. Milliseconds. */
const SWEPT_MS = 5_000;

/** Says of some writes at once that nobody knows what became of them, and sends them with a later one, just before it or just after. */
class LateConnections extends Connections {
  late = 0;
  random: () => number = () => 1;
  #late: Term | undefined;

  override async write<T>(query: Term): Promise<T> {
    const late = this.#late;
    this.#late = undefined;
    if (!late && this.random() < 0.4) {
      this.#late = query;
      this.late += 1;
      throw new EngineError('ENGINE_TIMEOUT', 'no answer', { retryable: true, outcomeUnknown: true });
    }
    const isBefore = this.random() < 0.5;
    if (late && isBefore) await super.write(late);
    const answer = await super.write<T>(query);
    if (late && !isBefore) await super.write(late);
    return answer;
  }
}

describeWithRethinkDb('writes that land after they were given up', () => {
  const random = randomFrom(seedFor('rethinkdb-late-writes'));
  let server: RethinkDbProcess;
  const closing: (() => unknown)[] = [];

  beforeAll(async () => {
    server = await RethinkDbProcess.start();
  });
  afterAll(async () => {
    for (const close of closing) await close();
    await stopRethinkDb();
  });

  /** What the engine is made of, with a connection for writing commits that is late. */
  async function newWriter() {
    const r = await loadDriver();
    const settings = settingsOf({ servers: [server] });
    const [connections, plain] = [new LateConnections(r, settings), new Connections(r, settings)];
    const db = r.db(DATABASE);
    const table = db.table('commits', { readMode: 'majority' });
    const reader = new CommitReader(r, table, plain);
    const announcements = new Announcements(r, db, plain);
    const log = new PositionLog(r, db, plain, announcements);
    const sweeper = new Sweeper(announcements, log, reader);
    sweeper.start();
    closing.push(
      () => sweeper.close(),
      () => log.close(),
      () => connections.close(),
      () => plain.close(),
    );
    const parts = { r, table, connections, reader, announcements, log, sweeper };
    return { connections, sweeper, commits: new Commits(parts, 'hard', { stored: () => {}, overtaken: () => {} }) };
  }

  it('leave each event at one version of its stream and at one position in the store', async () => {
    // Another node, that sweeps as well.
    const other = engineOn(server);
    await other.open();
    const { connections, sweeper, commits } = await newWriter();
    connections.random = random;
    const engine = {
      append: async (request: AppendRequest) => {
        const [result] = await commits.write([request]);
        if (!result) throw new Error('there is a result for each request');
        if (result.kind === 'failed') throw result.error;
        return result;
      },
      readStream: async (streamId: string, after: number, limit: number) => {
        await sweeper.announceDoubts();
        return other.readStream(streamId, after, limit);
      },
      streamVersion: other.streamVersion.bind(other),
      readAll: other.readAll.bind(other),
      lastPosition: other.lastPosition.bind(other),
    };
    const ids: string[] = [];
    for (let i = 0; i < ROUNDS * STREAMS; i += 1) {
      const streamId = `s${i % STREAMS}`;
      const events = newEvents(1 + Math.floor(random() * 2));
      const lastSeenVersion = await other.streamVersion(streamId);
      const request = { streamId, expectedVersion: lastSeenVersion, events };
      await appendWithRetry(engine, request, { lastSeenVersion, stopped: () => false });
      ids.push(...events.map(({ id }) => id));
    }
    const deadlineMs = performance.now() + patientMs(20_000);
    while ((await other.lastPosition()) < ids.length && performance.now() < deadlineMs) await sleep(50);
    await sleep(SWEPT_MS);
    const all = await readStore(other, []);
    process.stdout.write(`${connections.late} writes landed late; ${ids.length} events, ${all.length} positions\n`);
    expect(connections.late).toBeGreaterThan(STREAMS);
    expect(all.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(all.map(({ position }) => position)).toEqual(all.map((_, i) => i + 1));
    for (let i = 0; i < STREAMS; i += 1) {
      const versions = (await readWhole(other, `s${i}`)).map(({ version }) => version);
      expect(versions).toEqual(versions.map((_, k) => k + 1));
    }
  });
});
