import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { RethinkDbEngine, type RethinkDbEngineOptions } from 'omniscient-nest/rethinkdb';
import { newEvents, readWhole, store } from '../../lib/testing/conformance/conformance-case.js';
import {
  describeWithRethinkDb,
  type RethinkDbProcess,
  selfSignedCertificate,
  startRethinkDb,
  stopRethinkDb,
} from '../support/rethinkdb.js';

describeWithRethinkDb('a RethinkDB server that speaks TLS only', () => {
  const folder = mkdtempSync(join(tmpdir(), 'omniscient-tls-'));
  let server: RethinkDbProcess;
  let ca: Buffer;

  beforeAll(async () => {
    const tls = selfSignedCertificate(folder);
    ca = readFileSync(tls.cert);
    server = await startRethinkDb({ tls, password: 'secret' });
  }, 60_000);
  afterAll(async () => {
    await stopRethinkDb();
    rmSync(folder, { recursive: true, force: true });
  });

  const engineWith = (options: RethinkDbEngineOptions) =>
    new RethinkDbEngine({
      servers: [{ host: 'localhost', port: server.port }],
      password: 'secret',
      connectTimeoutMs: 1_000,
      warn: () => {},
      ...options,
    });

  it('is used with the authority that signed its certificate, changefeeds too', async () => {
    const engine = engineWith({ tls: { ca } });
    await engine.open();
    const woken = new Promise<void>((resolve) => void engine.watchStream('s', () => resolve()));
    expect(await store(engine, 's', 0, newEvents(2))).toBe(2);
    await woken;
    expect(await readWhole(engine, 's')).toHaveLength(2);
    await engine.close();
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
