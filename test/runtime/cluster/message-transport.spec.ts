import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryEngine } from 'omniscient-nest/memory';
import type { Runtime } from '../../../lib/runtime/node/runtime.js';
import { Desk } from '../../support/one-actors.js';
import { InProcessCluster } from '../../support/one-cluster.js';

let cluster: InProcessCluster;
let node: Runtime;
let engine: MemoryEngine;
let taken: number[];

beforeEach(async () => {
  cluster = new InProcessCluster();
  ({ node } = await cluster.start(Desk, 'a', { heartbeatTimeoutMs: 60_000 }));
  await cluster.seen();
  engine = new MemoryEngine({ store: cluster.store });
  await engine.open();
  taken = [];
  node.parts.cluster.transport.on('probe', (number: number) => taken.push(number));
});
afterEach(() => cluster.stopAll());

/** Messages of one sender, as its post would write them. */
async function send(from: string, ...numbers: number[]): Promise<void> {
  await sendAs(from, `${from}-1`, ...numbers);
}

/** Messages of one start of it. */
async function sendAs(from: string, incarnation: string, ...numbers: number[]): Promise<void> {
  const texts = numbers.map((number) => JSON.stringify({ from, incarnation, number, kind: 'probe', body: number }));
  await engine.send(texts.map((text) => ({ to: 'a', text })));
  await new Promise((resolve) => setImmediate(resolve));
}

/** A node that joined is known, and one that left is not. */
const join = async (nodeId: string) => {
  await engine.beat({ nodeId, incarnation: `${nodeId}-1`, beat: 1, clockMs: 0 });
  await node.parts.cluster.membership.refresh();
};
const leave = async (nodeId: string) => {
  await engine.forgetNode(nodeId, `${nodeId}-1`);
  await node.parts.cluster.membership.refresh();
};

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

describe('Post', () => {
  it('takes a message once, in whatever order they come', async () => {
    await send('b', 2, 1, 2, 3, 1);
    expect(taken).toEqual([2, 1, 3]);
  });

  it('takes nothing twice when messages of an earlier start of a node come among those of a later one', async () => {
    await sendAs('b', 'first', 1, 2);
    await sendAs('b', 'second', 1, 2);
    await sendAs('b', 'first', 3);
    await sendAs('b', 'second', 1, 2, 3);
    await sendAs('b', 'first', 1, 2, 3);
    expect(taken).toEqual([1, 2, 1, 2, 3, 3]);
  });

  it('remembers next to nothing of senders that are gone, and still takes nothing twice', async () => {
    const { transport } = node.parts.cluster;
    for (let n = 0; n < 20; n += 1) {
      await join(`b${n}`);
      await send(`b${n}`, ...upTo(100));
      await leave(`b${n}`);
    }
    expect(transport.remembered).toEqual({ senders: 20, numbers: 0 });
    taken = [];
    await send('b3', 99, 100, 101);
    expect(taken).toEqual([101]);
  });

  it('remembers no more of what comes from a node that has said already that it leaves', async () => {
    const { transport, membership } = node.parts.cluster;
    await join('b');
    await send('b', ...upTo(100));
    membership.left('b', 'b-1');
    await send('b', 101, 102);
    expect(taken).toHaveLength(102);
    await leave('b');
    await join('c');
    await send('c', 1);
    expect(transport.remembered).toEqual({ senders: 2, numbers: 1 });
  });

  it('remembers a bounded number of senders, and forgets those first that are not there', async () => {
    const { transport } = node.parts.cluster;
    await join('b');
    await send('b', 1);
    for (let n = 0; n <= 10_000; n += 1) await send(`stray-${n}`, 1);
    expect(transport.remembered.senders).toBe(10_000);
    taken = [];
    await send('b', 1, 2);
    expect(taken).toEqual([2]);
  });

  it('takes nothing of a further sender rather than something twice of one that it would have to forget', async () => {
    for (let n = 0; n < 10_000; n += 1) await send(`stray-${n}`, 1);
    taken = [];
    await send('one too many', 2);
    for (let n = 0; n < 10_000; n += 1) await send(`stray-${n}`, 1);
    expect(taken).toEqual([]);
  });
});
