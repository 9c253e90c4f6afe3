import { mkdtempSync, rmSync } from 'node:fs';
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
  server: ReturnType<typeof request>;
  close(): Promise<void>;
  /** Ends it and starts it again on the same files. */
  restart(): Promise<Sample>;
}

export async function startSample(folder = mkdtempSync(join(tmpdir(), 'omniscient-sample-'))): Promise<Sample> {
  const engine = new SqliteEngine({ file: join(folder, 'events.db') });
  const app = await createApp({ engine, tables: join(folder, 'tables.db'), nodeId: 'spec' });
  await app.listen(0);
  return {
    app,
    server: request(app.getHttpServer()),
    close: async () => {
      await app.close();
      rmSync(folder, { recursive: true });
    },
    restart: async () => {
      await app.close();
      return startSample(folder);
    },
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
