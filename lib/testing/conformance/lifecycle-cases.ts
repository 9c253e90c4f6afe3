import assert from 'node:assert/strict';
import type { Engine } from '../../engine/duties/index.js';
import { EngineError } from '../../kernel/values/index.js';
import {
  assertStream,
  type ConformanceCase,
  eventually,
  newEvents,
  pause,
  positionsGiven,
  readWhole,
  store,
} from './kit/index.js';

export const lifecycleCases: readonly ConformanceCase[] = [
  {
    duty: 'lifecycle',
    name: 'keeps everything when it is closed and opened again',
    async run(engines) {
      const [before] = await engines();
      const events = newEvents(7);
      await store(before, 's', 0, events);
      await positionsGiven(before, ['s']);
      const position = await before.lastPosition();
      await before.close();
      const [after] = await engines();
      assertStream(await readWhole(after, 's'), 's', events);
      assert.equal(await after.lastPosition(), position);
      assert.equal(await store(after, 's', 7, newEvents(1)), 8);
    },
  },
  {
    duty: 'lifecycle',
    name: 'opens on several nodes at the same time',
    async run(_, fixture) {
      const nodes = Array.from({ length: 4 }, () => fixture.newEngine());
      try {
        await Promise.all(nodes.map((engine) => engine.open()));
        await Promise.all(nodes.map((engine, i) => store(engine, `s${i}`, 0, newEvents(1))));
        assert.equal(await (nodes[0] as Engine).streamVersion('s3'), 1);
      } finally {
        await Promise.all(nodes.map((engine) => engine.close()));
      }
    },
  },
  {
    duty: 'lifecycle',
    name: 'finishes writes under way when it is closed; every one acknowledged is there',
    async run(engines) {
      const [closing, other] = await engines(2);
      const writes = Array.from({ length: 50 }, (_, i) =>
        closing.append({ streamId: `s${i}`, expectedVersion: 0, events: newEvents(2) }),
      );
      await closing.close();
      const settled = await Promise.allSettled(writes);
      assert.ok(
        settled.every(({ status }) => status === 'fulfilled'),
        'writes that were accepted failed',
      );
      for (let i = 0; i < 50; i += 1) assert.equal(await (other as Engine).streamVersion(`s${i}`), 2);
    },
  },
  {
    duty: 'lifecycle',
    name: 'says ENGINE_CLOSED after close, which may be called twice',
    async run(engines) {
      const [engine] = await engines();
      await engine.close();
      await engine.close();
      const snapshot = {
        streamId: 's',
        actor: 'User',
        fingerprint: 'f',
        version: 1,
        eventId: 'e',
        state: '{}',
        checksum: 'c',
      };
      const calls: Record<string, () => Promise<unknown>> = {
        append: () => engine.append({ streamId: 's', expectedVersion: 0, events: newEvents(1) }),
        readStream: () => engine.readStream('s', 0, 1),
        streamVersion: () => engine.streamVersion('s'),
        readAll: () => engine.readAll(0, 1),
        lastPosition: () => engine.lastPosition(),
        watchStream: () => engine.watchStream('s', () => {}),
        watchAll: () => engine.watchAll(() => {}),
        loadSnapshot: () => engine.loadSnapshot('s', 'User'),
        saveSnapshot: () => engine.saveSnapshot(snapshot),
        deleteSnapshots: () => engine.deleteSnapshots('s'),
      };
      const closed = (error: unknown) => error instanceof EngineError && error.code === 'ENGINE_CLOSED';
      for (const [name, call] of Object.entries(calls)) await assert.rejects(call, closed, `${name} after close()`);
    },
  },
  {
    duty: 'lifecycle',
    name: 'wakes nobody after it was closed; the other nodes go on',
    async run(engines) {
      const [closing, other] = await engines(2);
      const heard = { closing: 0, other: 0 };
      await closing.watchAll(() => (heard.closing += 1));
      const unwatch = await closing.watchStream('s', () => (heard.closing += 1));
      await (other as Engine).watchStream('s', () => (heard.other += 1));
      await closing.close();
      await store(other as Engine, 's', 0, newEvents(1));
      await eventually('the other node wakes', () => heard.other > 0, 2_000);
      await pause(100);
      assert.equal(heard.closing, 0);
      unwatch();
    },
  },
];
