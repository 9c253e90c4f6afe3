import assert from 'node:assert/strict';
import type { Engine, SnapshotRecord } from '../../engine/duties/index.js';
import type { ConformanceCase } from './kit/index.js';

function snapshot(changes: Partial<SnapshotRecord> = {}): SnapshotRecord {
  return {
    streamId: 's',
    actor: 'User',
    fingerprint: 'f1',
    version: 10,
    eventId: 'e10',
    state: '{"n":1}',
    checksum: 'c',
    ...changes,
  };
}

export const snapshotCases: readonly ConformanceCase[] = [
  {
    duty: 'snapshots',
    name: 'keeps one for each stream and class, as it was saved, for every node',
    async run(engines) {
      const [one, two] = await engines(2);
      const big = snapshot({ streamId: '漢', state: JSON.stringify({ text: '🎲'.repeat(300_000) }) });
      const hostile = snapshot({
        streamId: `${'漢'.repeat(998)}'"`,
        actor: "Pl'ayer",
        state: '{"__proto__":"\\u0000\u2028\'"}',
      });
      const all = [snapshot(), snapshot({ actor: 'Player', version: 3 }), snapshot({ streamId: 'S' }), big, hostile];
      for (const each of all) await one.saveSnapshot(each);
      for (const each of all)
        assert.deepEqual({ ...(await (two as Engine).loadSnapshot(each.streamId, each.actor)) }, each);
      assert.equal(await one.loadSnapshot('s', 'Nobody'), undefined);
      assert.equal(await one.loadSnapshot('t', 'User'), undefined);
    },
  },
  {
    duty: 'snapshots',
    name: 'replaces an older one and one of another meaning, but not a newer one of the same meaning',
    async run(engines) {
      const [engine] = await engines();
      const versionKept = async () => (await engine.loadSnapshot('s', 'User'))?.version;
      await engine.saveSnapshot(snapshot({ version: 10 }));
      await engine.saveSnapshot(snapshot({ version: 20 }));
      assert.equal(await versionKept(), 20);
      await engine.saveSnapshot(snapshot({ version: 15 }));
      assert.equal(await versionKept(), 20);
      await engine.saveSnapshot(snapshot({ version: 5, fingerprint: 'f2' }));
      assert.equal(await versionKept(), 5);
    },
  },
  {
    duty: 'snapshots',
    name: "deletes one stream's, or all",
    async run(engines) {
      const [engine] = await engines();
      for (const streamId of ['s', 't', 'u']) await engine.saveSnapshot(snapshot({ streamId }));
      await engine.deleteSnapshots('t');
      assert.equal(await engine.loadSnapshot('t', 'User'), undefined);
      assert.notEqual(await engine.loadSnapshot('s', 'User'), undefined);
      await engine.deleteSnapshots();
      assert.equal(await engine.loadSnapshot('s', 'User'), undefined);
      assert.equal(await engine.loadSnapshot('u', 'User'), undefined);
    },
  },
];
