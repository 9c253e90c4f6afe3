import assert from 'node:assert/strict';
import type { NodeRecord } from '../../engine/duties/index.js';
import type { ConformanceCase } from './kit/index.js';

function node(nodeId: string, beat: number, incarnation = 'first'): NodeRecord {
  return { nodeId, incarnation, beat, clockMs: 1_700_000_000_000.5 + beat };
}

const byId = (records: readonly NodeRecord[]) => [...records].sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));

export const nodeCases: readonly ConformanceCase[] = [
  {
    duty: 'nodes',
    name: 'keeps the last heartbeat of every node, for every node to see',
    async run(engines) {
      const [one, other] = await engines(2);
      assert.ok(other);
      await one.beat(node('a', 1));
      await other.beat(node('ü\' "B', 1));
      await one.beat(node('a', 2));
      await other.beat(node('A', 7, 'again'));
      const expected = byId([node('a', 2), node('ü\' "B', 1), node('A', 7, 'again')]);
      for (const engine of [one, other]) assert.deepEqual(byId(await engine.nodes()), expected);
    },
  },
  {
    duty: 'nodes',
    name: 'keeps the heartbeats of many nodes that beat at once',
    async run(engines) {
      const all = await engines(3);
      const records = Array.from({ length: 60 }, (_, i) => node(`n${i}`, i));
      await Promise.all(records.map((record, i) => (all[i % 3] ?? all[0]).beat(record)));
      assert.deepEqual(byId(await all[0].nodes()), byId(records));
    },
  },
  {
    duty: 'nodes',
    name: 'forgets a node only if it has not been started anew',
    async run(engines) {
      const [engine] = await engines();
      await engine.beat(node('a', 1, 'second'));
      await engine.beat(node('b', 1));
      await engine.forgetNode('a', 'first');
      await engine.forgetNode('nobody', 'first');
      assert.equal((await engine.nodes()).length, 2);
      await engine.forgetNode('a', 'second');
      assert.deepEqual(byId(await engine.nodes()), [node('b', 1)]);
    },
  },
];
