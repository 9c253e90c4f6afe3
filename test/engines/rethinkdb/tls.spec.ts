import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { RethinkDbEngineOptions } from 'omniscient-nest/rethinkdb';
import { StreamFollower } from '../../../lib/engine/reading/stream-follower.js';
import type { EventRecord } from '../../../lib/kernel/values/event.js';
import { eventually, newEvents, store } from '../../../lib/testing/conformance/kit/conformance-case.js';
import {
  describeWithRethinkDb,
  engineOn,
  type RethinkDbProcess,
  selfSignedCertificate,
  startRethinkDb,
  stopRethinkDb,
} from '../../support/rethinkdb.js';

describeWithRethinkDb('a RethinkDB server that speaks TLS only', () => {
  const folder = mkdtempSync(join(tmpdir(), 'omniscient-tls-'));
  let server: RethinkDbProcess;
  let ca: Buffer;

  beforeAll(async () => {
    const tls = selfSignedCertificate(folder);
    ca = readFileSync(tls.cert);
    server = await startRethinkDb({ tls, password: 'secret' });
  });
  afterAll(async () => {
    await stopRethinkDb();
    rmSync(folder, { recursive: true, force: true });
  });

  const engineWith = (options: RethinkDbEngineOptions) =>
    engineOn({ host: 'localhost', port: server.port }, { password: 'secret', connectTimeoutMs: 1_000, ...options });

  it('is used with the authority that signed its certificate, changefeeds too', async () => {
    const [writer, reader] = [engineWith({ tls: { ca } }), engineWith({ tls: { ca } })];
    await writer.open();
    await reader.open();
    const events: EventRecord[] = [];
    const follower = new StreamFollower(reader, 's', {
      after: 0,
      onEvents: (found) => void events.push(...found),
      onError: (error) => {
        throw error;
      },
    });
    follower.start();
    for (let i = 0; i < 3; i += 1) await store(writer, 's', i, newEvents(1));
    await eventually('the reader hears of all', () => events.length === 3);
    follower.stop();
    expect(events.map(({ version }) => version)).toEqual([1, 2, 3]);
  });

  it.each<[string, RethinkDbEngineOptions]>([
    ['nothing that vouches for it', { tls: true }],
    ['no encryption', {}],
  ])('refuses, and is refused, with %s', async (_, options) => {
    const refused = await engineWith(options)
      .open()
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ name: 'EngineError', message: expect.stringMatching(/^RethinkDB: /) });
  });
});
