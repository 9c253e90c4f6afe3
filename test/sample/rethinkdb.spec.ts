import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { patientMs } from '../support/machine-speed.js';
import { freePort } from '../support/ports.js';
import { describeWithRethinkDb, startRethinkDb, stopRethinkDb } from '../support/rethinkdb.js';
import { stopWorker } from '../support/workers.js';
import { eventually } from './sample.js';

/** What `npm run start:rethinkdb` starts, once it has built it. */
const MAIN = join(process.cwd(), '.build/sample-app/rethinkdb.js');
const LIVE_MS_MAX = 10_000;

describeWithRethinkDb('the sample application on one RethinkDB server, three times', () => {
  const apps: ChildProcess[] = [];
  const streams: AbortController[] = [];
  const ports: number[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'omniscient-sample-'));

  beforeAll(async () => {
    const server = await startRethinkDb();
    for (let i = 0; i < 3; i += 1) ports.push(await freePort());
    // All at once: who comes first makes the tables.
    await Promise.all(
      ports.map(async (port) => {
        const env = {
          ...process.env,
          PORT: `${port}`,
          RETHINKDB: `${server.host}:${server.port}`,
          TABLES: join(folder, 'tables.db'),
        };
        const app = fork(MAIN, { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
        apps.push(app);
        const ended = once(app, 'exit').then(() => Promise.reject(new Error(`the one on port ${port} ended`)));
        ended.catch(() => {});
        await Promise.race([once(app, 'message'), ended]);
      }),
    );
  });

  afterAll(async () => {
    for (const stream of streams) stream.abort();
    await Promise.all(apps.map((app) => stopWorker(app)));
    await stopRethinkDb();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What the page of a player gets from one of the applications, as text. */
  function follow(port: number, player: string): { text: string } {
    const seen = { text: '' };
    const stream = new AbortController();
    streams.push(stream);
    void fetch(`http://127.0.0.1:${port}/live?player=${player}`, { signal: stream.signal })
      .then(async ({ body }) => {
        const decoder = new TextDecoder();
        for await (const chunk of body as unknown as AsyncIterable<Uint8Array>)
          seen.text += decoder.decode(chunk, { stream: true });
      })
      .catch(() => {});
    return seen;
  }

  const post = (port: number | undefined, path: string, body: object) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  it('shows on every page, live, what is done through each', async () => {
    const pages = ports.map((port) => follow(port, 'anna'));
    const shows = async (text: string) => {
      const deadlineMs = performance.now() + patientMs(LIVE_MS_MAX);
      const which = () => pages.map((page) => page.text.includes(text));
      while (which().includes(false) && performance.now() < deadlineMs) await sleep(10);
      expect(which()).toEqual(pages.map(() => true));
    };
    expect((await post(ports[0], '/users/anna', { password: 'correct horse' })).status).toBe(201);
    await shows('signed_up');
    for (const [i, port] of ports.entries()) {
      expect((await post(port, '/users/anna/payments', { lives: 2 })).status).toBe(201);
      await shows(`"lives":${3 + 2 * (i + 1)}`);
    }
  });

  it('lets the same life be lost once, whichever of them is asked', async () => {
    const deaths = await Promise.all(
      Array.from({ length: 12 }, (_, i) => post(ports[i % 3], '/players/dora/deaths', { to: 'a wolf' })),
    );
    expect(deaths.map(({ status }) => status).sort()).toEqual([...Array(3).fill(200), ...Array(9).fill(409)]);
    const left = await Promise.all(
      ports.map(async (port) => (await fetch(`http://127.0.0.1:${port}/players/dora`)).json()),
    );
    expect(left).toEqual(ports.map(() => ({ lives: 0 })));
  });

  it('ends a game once, and counts it once on the leader board and in the table, whichever of them is asked', async () => {
    await post(ports[0], '/games/forest/players', { player: 'anna' });
    const started = await fetch(`http://127.0.0.1:${ports[1]}/games/forest/start`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ seconds: 2 }),
    });
    expect(started.status).toBe(200);
    const leaders = () =>
      Promise.all(ports.map(async (port) => (await fetch(`http://127.0.0.1:${port}/leaders`)).json()));
    const board = [
      { player: 'anna', lives: 9, won: 1 },
      { player: 'dora', lives: 0, won: 0 },
    ];
    await eventually(
      leaders,
      ports.map(() => ({ actor: board, table: board })),
    );
  });
});
