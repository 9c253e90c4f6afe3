import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWithRethinkDb, RethinkDbProcess, stopRethinkDb } from '../support/rethinkdb.js';

const MAIN = join(process.cwd(), '.build/sample-app/rethinkdb.js');
const PORTS = [43_101, 43_102, 43_103].map((port) => port + (process.pid % 500) * 3);

describeWithRethinkDb('the sample application on one RethinkDB server, three times', () => {
  const apps: ChildProcess[] = [];
  const streams: AbortController[] = [];

  beforeAll(async () => {
    const server = await RethinkDbProcess.start();
    await Promise.all(
      PORTS.map(async (port) => {
        const env = { ...process.env, PORT: `${port}`, RETHINKDB: `${server.host}:${server.port}` };
        const app = fork(MAIN, { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
        apps.push(app);
        await Promise.race([once(app, 'message'), once(app, 'exit').then(() => Promise.reject(new Error('it ended')))]);
      }),
    );
  }, 60_000);

  afterAll(async () => {
    for (const stream of streams) stream.abort();
    await Promise.all(
      apps.map(async (app) => {
        const gone = once(app, 'exit');
        app.kill('SIGTERM');
        await gone;
      }),
    );
    await stopRethinkDb();
  }, 60_000);

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

  it("shows each other's changes live, and all of them after a payment through each", async () => {
    const pages = PORTS.map((port) => follow(port, 'anna'));
    const post = (port: number, path: string, body: object) =>
      fetch(`http://127.0.0.1:${port}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    expect((await post(PORTS[0] as number, '/users/anna', { password: 'correct horse' })).status).toBe(201);
    for (const port of PORTS) expect((await post(port, '/users/anna/payments', { lives: 2 })).status).toBe(201);
    const deadlineMs = Date.now() + 10_000;
    const all = () => pages.every(({ text }) => text.includes('"lives":9'));
    while (!all() && Date.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(pages.map(({ text }) => text.includes('"lives":9'))).toEqual([true, true, true]);
  }, 30_000);
});
