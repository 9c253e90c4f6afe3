import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import request from 'supertest';
import { createApp } from '../../sample-app/create-app.js';
import { patientMs } from '../support/machine-speed.js';

/** Longer than any process of the sample takes, on a machine with much else to do. */
const WAIT_MS_MAX = 15_000;

/** The sample application in a folder of its own, listening. */
export interface Sample {
  app: NestExpressApplication;
  port: number;
  server: ReturnType<typeof request>;
  close(): Promise<void>;
  /** Ends it; what it gives starts it again, on the same files and the same port. */
  stop(): Promise<() => Promise<Sample>>;
  restart(): Promise<Sample>;
}

export async function startSample(
  folder = mkdtempSync(join(tmpdir(), 'omniscient-sample-')),
  port = 0,
): Promise<Sample> {
  const engine = new SqliteEngine({ file: join(folder, 'events.db') });
  const app = await createApp({ engine, tables: join(folder, 'tables.db'), nodeId: 'spec' });
  await app.listen(port);
  const address = app.getHttpServer().address() as AddressInfo;
  const stop = async () => {
    await app.close();
    return () => startSample(folder, address.port);
  };
  return {
    app,
    port: address.port,
    server: request(app.getHttpServer()),
    close: async () => {
      await app.close();
      rmSync(folder, { recursive: true });
    },
    stop,
    restart: async () => (await stop())(),
  };
}

/** Waits until it is so; then the matcher says what was wrong. */
export async function eventually<T>(
  look: () => Promise<T>,
  expected: NoInfer<T> | ((value: T) => boolean),
): Promise<T> {
  const endMs = Date.now() + patientMs(WAIT_MS_MAX);
  for (;;) {
    const value = await look();
    const isIt = typeof expected === 'function' ? (expected as (value: T) => boolean)(value) : undefined;
    if (isIt ?? matches(value, expected)) return value;
    if (Date.now() > endMs) {
      expect(typeof expected === 'function' ? { value, isIt } : value).toEqual(expected);
      return value;
    }
    await sleep(25);
  }
}

function matches(value: unknown, expected: unknown): boolean {
  try {
    expect(value).toEqual(expected);
    return true;
  } catch {
    return false;
  }
}
