import assert from 'node:assert/strict';
import type { Engine } from '../../engine/engine.js';
import { EngineError } from '../../kernel/errors.js';
import { assertStream, type ConformanceCase, newEvents, readWhole, store } from './conformance-case.js';

export const lifecycleCases: readonly ConformanceCase[] = [
  {
    duty: 'lifecycle',
    name: 'keeps everything when it is closed and opened again',
    async run(engines) {
      const [before] = await engines();
      const events = newEvents(7);
      await store(before, 's', 0, events);
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
      const closed = (error: unknown) => error instanceof EngineError && error.code === 'ENGINE_CLOSED';
      await assert.rejects(engine.append({ streamId: 's', expectedVersion: 0, events: newEvents(1) }), closed);
      await assert.rejects(engine.readStream('s', 0, 1), closed);
      await assert.rejects(engine.readAll(0, 1), closed);
      await assert.rejects(
        engine.watchStream('s', () => {}),
        closed,
      );
      await assert.rejects(engine.loadSnapshot('s', 'User'), closed);
    },
  },
];
