import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import type { Engine } from '../../lib/engine/duties/engine.js';
import { RethinkDbEngine } from '../../lib/engines/rethinkdb/index.js';
import { SqliteEngine } from '../../lib/engines/sqlite/index.js';
import type { EventRecord } from '../../lib/kernel/values/event.js';
import type { Store } from '../processes/cluster-node.js';
import { describeWithRethinkDb, RethinkDbProcess } from './rethinkdb.js';

/** A store that several processes share, for a spec that runs on every kind. */
export interface SharedStore {
  readonly store: Store;
  stop(): Promise<void>;
}

/** The body once on SQLite, and once on a RethinkDB server of its own. */
export function describeOnSharedStores(name: string, body: (open: () => Promise<SharedStore>) => void): void {
  describe(`${name}, on SQLite`, () =>
    body(async () => {
      const folder = mkdtempSync(join(tmpdir(), 'omniscient-shared-'));
      return {
        store: { kind: 'sqlite', file: join(folder, 'events.db') },
        stop: async () => rmSync(folder, { recursive: true }),
      };
    }));
  describeWithRethinkDb(`${name}, on RethinkDB`, () =>
    body(async () => {
      const server = await RethinkDbProcess.start();
      const servers = [{ host: server.host, port: server.port }];
      return { store: { kind: 'rethinkdb', servers, database: 'shared' }, stop: () => server.stop() };
    }),
  );
}

/** Another engine on it, not opened yet. */
export function engineOn(store: Store): Engine {
  return store.kind === 'sqlite'
    ? new SqliteEngine({ file: store.file })
    : new RethinkDbEngine({ ...store, warn: () => {} });
}

/** The whole stream as it is stored, read by an engine that was made for this alone. */
export async function storedEvents(store: Store, ...streamIds: string[]): Promise<EventRecord[][]> {
  const engine = engineOn(store);
  await engine.open();
  try {
    const streams: EventRecord[][] = [];
    for (const streamId of streamIds) {
      const events: EventRecord[] = [];
      for (;;) {
        const page = await engine.readStream(streamId, events.length, 1_000);
        if (page.length === 0) break;
        events.push(...page);
      }
      streams.push(events);
    }
    return streams;
  } finally {
    await engine.close();
  }
}

/** The tokens in a stream, in order. */
export function tokensOf(events: readonly EventRecord[]): string[] {
  return events.filter(({ name }) => name === 'taken').map(({ data }) => (JSON.parse(data) as { token: string }).token);
}
