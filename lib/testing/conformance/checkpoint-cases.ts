import assert from 'node:assert/strict';
import type { ConformanceCase } from './kit/index.js';

export const checkpointCases: readonly ConformanceCase[] = [
  {
    duty: 'checkpoints',
    name: 'keeps what was saved last under each name, for every node to see',
    async run(engines) {
      const [one, other] = await engines(2);
      assert.ok(other);
      assert.equal(await one.loadCheckpoint('a'), undefined);
      assert.equal(await one.saveCheckpoint('a', 0, '{"position":1}'), true);
      assert.equal(await one.saveCheckpoint('ü\' "A', 0, 'text of its own, ü'), true);
      assert.equal(await other.saveCheckpoint('a', 1, '{"position":2}'), true);
      for (const engine of [one, other]) {
        assert.deepEqual(await engine.loadCheckpoint('a'), { revision: 2, value: '{"position":2}' });
        assert.deepEqual(await engine.loadCheckpoint('ü\' "A'), { revision: 1, value: 'text of its own, ü' });
        assert.equal(await engine.loadCheckpoint('A'), undefined);
      }
    },
  },
  {
    duty: 'checkpoints',
    name: 'keeps checkpoints when every engine was closed',
    async run(engines, fixture) {
      const [before, stays] = await engines(2);
      assert.ok(stays);
      await before.saveCheckpoint('a', 0, 'kept');
      await before.close();
      const after = fixture.newEngine();
      await after.open();
      assert.deepEqual(await after.loadCheckpoint('a'), { revision: 1, value: 'kept' });
      await after.close();
    },
  },
  {
    duty: 'checkpoints',
    name: 'lets one of several who save at once be first, and tells the others',
    async run(engines) {
      const all = await engines(3);
      for (let revision = 0; revision < 20; revision += 1) {
        const saved = await Promise.all(
          Array.from({ length: 9 }, (_, i) => (all[i % 3] ?? all[0]).saveCheckpoint('a', revision, `${revision} ${i}`)),
        );
        assert.equal(saved.filter(Boolean).length, 1);
        const value = `${revision} ${saved.indexOf(true)}`;
        assert.deepEqual(await all[0].loadCheckpoint('a'), { revision: revision + 1, value });
      }
      assert.equal(await all[0].saveCheckpoint('a', 0, 'too old'), false);
      assert.equal(await all[0].saveCheckpoint('a', 21, 'too new'), false);
      assert.equal(await all[0].saveCheckpoint('b', 1, 'never there'), false);
      assert.equal(await all[0].loadCheckpoint('b'), undefined);
    },
  },
];
