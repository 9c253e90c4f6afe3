import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { EventRecord } from '../../lib/kernel/values/event.js';
import { ClusterNode, endNodes } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { slowdown } from '../support/machine-speed.js';
import { describeOnSharedStores, type SharedStore, storedEvents } from '../support/stores.js';

/** What DESIGN.md promises when the owner dies. Milliseconds. */
const TAKEOVER_MS_MAX = 3_000;

interface StoredTick {
  readonly n: number;
  readonly missed: number;
  readonly atMs: number;
  readonly by: string;
}

describeOnSharedStores('a TickActor on several processes', (open) => {
  let shared: SharedStore;
  let nodes: ClusterNode[] = [];
  let started = 0;
  const start = () => ClusterNode.start(`node-${++started}`, shared.store);

  beforeAll(async () => {
    shared = await open();
    nodes = [await start()];
  });
  afterAll(async () => {
    await endNodes();
    await shared.stop();
  });

  async function ticksOf(id: string): Promise<StoredTick[]> {
    const [events = []] = await storedEvents(shared.store, `pulse-${id}`);
    return events
      .filter(({ name }) => name === 'tick')
      .map(({ data, metadata }) => {
        const { at, firedBy } = JSON.parse(metadata);
        return { ...JSON.parse(data), atMs: Date.parse(at), by: firedBy.nodeId };
      });
  }

  function expectRegular(ticks: readonly StoredTick[], everyMs: number): void {
    expect(ticks.map(({ n }) => n)).toEqual(ticks.map((_, i) => i + 1));
    for (const [i, { atMs }] of ticks.entries()) {
      if (i > 0) expect(atMs - (ticks[i - 1] as StoredTick).atMs).toBeGreaterThanOrEqual(everyMs);
    }
  }

  it.each([1, 4])('ten ticks of a second take at least ten seconds, on %i of them', async (count) => {
    while (nodes.length < count) nodes.push(await start());
    const id = `ten-${count}`;
    const begunMs = Date.now();
    await Promise.all(nodes.map((node) => node.order({ do: 'tick', id, everyMs: 1_000, count: 10 })));
    await eventually(async () => (await ticksOf(id)).length === 10, 12_000);
    // One too many would come now.
    await sleep(1_500);
    const ticks = await ticksOf(id);
    expect(ticks).toHaveLength(10);
    expectRegular(ticks, 1_000);
    expect((ticks.at(-1) as StoredTick).atMs - begunMs).toBeGreaterThanOrEqual(10_000);
    for (const node of nodes) {
      await eventually(async () => {
        const { state } = await node.order<{ state: { count: number } }>({ do: 'state', actor: 'pulse', id });
        return state.count === 10;
      });
    }
  });

  it('goes on elsewhere when it was stopped and started again at once, and its owner is killed', async () => {
    const owner = await start();
    const other = nodes[0] as ClusterNode;
    const ids = Array.from({ length: 20 }, (_, i) => `again-${i}`);
    const onAll = (order: (id: string) => Parameters<ClusterNode['order']>[0]) =>
      Promise.all(ids.map((id) => owner.order(order(id))));
    await onAll((id) => ({ do: 'tick', id, everyMs: 200, count: null }));
    for (let i = 0; i < 5; i += 1) {
      const stopped = onAll((id) => ({ do: 'stopTicking', id }));
      // Not waited for: what the one removes the other adds.
      await Promise.all([stopped, onAll((id) => ({ do: 'tick', id, everyMs: 200 + i, count: null }))]);
    }
    await owner.end('SIGKILL');
    const killedMs = Date.now();
    const isByAnother = ({ name, metadata }: EventRecord) => {
      const { at, firedBy } = JSON.parse(metadata);
      return name === 'tick' && firedBy.nodeId !== owner.nodeId && Date.parse(at) > killedMs;
    };
    const ticked = async () => {
      const streams = await storedEvents(shared.store, ...ids.map((id) => `pulse-${id}`));
      return streams.filter((events) => events.some(isByAnother)).length;
    };
    // On a busy machine it takes long to load twenty actors; what is lost would not come at all.
    await eventually(async () => (await ticked()) === ids.length, 30_000);
    await Promise.all(ids.map((id) => other.order({ do: 'stopTicking', id })));
  });

  it(`goes on within ${TAKEOVER_MS_MAX} ms when its owner is killed, and counts what it missed when all were down`, async () => {
    await (nodes[0] as ClusterNode).order({ do: 'tick', id: 'k', everyMs: 200, count: null });
    await eventually(async () => (await ticksOf('k')).length > 3);
    const owner = (await ticksOf('k')).at(-1)?.by;
    const killed = nodes.find(({ nodeId }) => nodeId === owner) as ClusterNode;
    nodes = nodes.filter((node) => node !== killed);
    await killed.end('SIGKILL');
    const killedMs = Date.now();
    const ofAnother = ({ by, atMs }: StoredTick) => by !== owner && atMs >= killedMs;
    await eventually(async () => (await ticksOf('k')).filter(ofAnother).length > 2);
    const ticks = await ticksOf('k');
    const first = ticks.find(ofAnother) as StoredTick;
    process.stdout.write(
      `ticks, ${shared.store.kind}: taken over ${first.atMs - killedMs} ms after the owner was killed, ${first.missed} missed\n`,
    );
    expect(first.atMs - killedMs).toBeLessThan(TAKEOVER_MS_MAX * slowdown());
    expectRegular(ticks, 200);

    await Promise.all(nodes.map((node) => node.end('SIGTERM')));
    const before = (await ticksOf('k')).length;
    await sleep(2_000);
    nodes = [await start()];
    await eventually(async () => (await ticksOf('k')).length > before + 3);
    await (nodes[0] as ClusterNode).order({ do: 'stopTicking', id: 'k' });
    const all = await ticksOf('k');
    expectRegular(all, 200);
    expect((all[before] as StoredTick).missed).toBeGreaterThanOrEqual(8);
    // Later ticks miss only what a busy machine has no time for.
    const missedLater = all.slice(before + 1).reduce((sum, { missed }) => sum + missed, 0);
    expect(missedLater).toBeLessThan((all[before] as StoredTick).missed * slowdown());

    await (nodes[0] as ClusterNode).end('SIGTERM');
    nodes = [await start()];
    await sleep(800);
    expect(await ticksOf('k')).toHaveLength(all.length);
  });
});
