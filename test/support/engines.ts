import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe } from '@jest/globals';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import type { Engine } from '../../lib/engine/duties/engine.js';

/** The body once in memory and once in an SQLite file; engines made in one test share its store, which is empty at first. */
export function describeOnEngines(name: string, body: (newEngine: () => Engine) => void): void {
  describe(`${name}, in memory`, () => {
    let store: MemoryStore;
    beforeEach(() => {
      store = new MemoryStore();
    });
    body(() => new MemoryEngine({ store }));
  });
  describe(`${name}, in SQLite`, () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'omniscient-engines-'));
    });
    afterEach(() => rmSync(folder, { recursive: true }));
    body(() => new SqliteEngine({ file: join(folder, 'events.db') }));
  });
}
