import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { Runtime, RuntimeOptions } from '../../../lib/runtime/node/runtime.js';
import { eventually } from '../../support/eventually.js';
import { Desk } from '../../support/one-actors.js';
import { startNode } from '../../support/runtime.js';

let running: Runtime[] = [];

async function start(store: MemoryStore, nodeId: string, options: Partial<RuntimeOptions> = {}): Promise<Runtime> {
  const { node } = await startNode(Desk, {
    engine: new MemoryEngine({ store }),
    nodeId,
    heartbeatTimeoutMs: 200,
    ...options,
  });
  running.push(node);
  return node;
}

afterEach(async () => {
  await Promise.all(running.map((node) => node.stop()));
  running = [];
});

/** A task that notes when it leads, as long as it does. */
function noting(nodeId: string, leading: Set<string>): (signal: AbortSignal) => Promise<void> {
  return async (signal) => {
    leading.add(nodeId);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    // It takes a moment to end, in which no other one may lead.
    await sleep(20);
    leading.delete(nodeId);
  };
}

/** No node notices that another one is gone unless it is told, so a change of leader comes at once or never. */
const SILENT = { heartbeatTimeoutMs: 3_600_000 };

/** All know each other. */
async function allSeen(): Promise<void> {
  await Promise.all(running.map(({ parts }) => parts.cluster.start()));
  await Promise.all(running.map(({ parts }) => parts.cluster.membership.refresh()));
}

describe('LeaderElection', () => {
  it('has one leader at a time, and another one at once when it gives up or leaves', async () => {
    const store = new MemoryStore();
    const leading = new Set<string>();
    let most = 0;
    const nodes = await Promise.all(['a', 'b', 'c'].map((id) => start(store, id, SILENT)));
    await allSeen();
    const giveUp = new Map(
      nodes.map((node) => {
        const { nodeId } = node.parts;
        const task = noting(nodeId, leading);
        const lead = (signal: AbortSignal) => {
          const done = task(signal);
          most = Math.max(most, leading.size);
          return done;
        };
        return [nodeId, node.election.whenLeader('job', lead)];
      }),
    );
    await eventually(() => leading.size === 1);
    const [first] = [...leading] as [string];
    await giveUp.get(first)?.();
    await eventually(() => leading.size === 1);
    const [second] = [...leading] as [string];
    expect(second).not.toBe(first);
    await nodes.find((node) => node.parts.nodeId === second)?.stop();
    await eventually(() => leading.size === 1);
    expect(leading).not.toEqual(new Set([second]));
    expect(most).toBe(1);
  });

  it('tells who leads, also those that do not stand for election', async () => {
    const store = new MemoryStore();
    const [a, b] = [await start(store, 'a', SILENT), await start(store, 'b', SILENT)];
    await allSeen();
    const seen: (string | undefined)[] = [];
    let completed = false;
    b.election.leader$('job').subscribe({ next: (nodeId) => seen.push(nodeId), complete: () => (completed = true) });
    await eventually(() => seen.length === 1);
    const giveUp = a.election.whenLeader('job', () => {});
    await eventually(() => seen.length === 2);
    await giveUp();
    await eventually(() => seen.length === 3);
    expect(seen).toEqual([undefined, 'a', undefined]);
    expect(store.streams.get('$election-job')).toHaveLength(2);
    await b.stop();
    expect(completed).toBe(true);
  });

  it('aborts the task of a node that nobody can see any more, and gives it the lead back if nobody took it', async () => {
    const store = new MemoryStore();
    let cut = false;
    class CutEngine extends MemoryEngine {
      override async beat(node: Parameters<MemoryEngine['beat']>[0]) {
        if (cut) throw new Error('cut off');
        return super.beat(node);
      }
    }
    const node = await start(store, 'a', { engine: new CutEngine({ store }) });
    const leading = new Set<string>();
    node.election.whenLeader('job', noting('a', leading));
    await eventually(() => leading.size === 1);
    cut = true;
    await eventually(() => leading.size === 0);
    cut = false;
    await eventually(() => leading.size === 1);
  });

  it('runs a task that fails again, and neither the election nor the process ends', async () => {
    const node = await start(new MemoryStore(), 'a');
    let runs = 0;
    node.election.whenLeader('job', () => {
      runs += 1;
      if (runs < 4) throw new Error('not yet');
    });
    await eventually(() => runs >= 4);
    // The one that did not fail was the last.
    await sleep(200);
    expect(runs).toBe(4);
  });

  it('refuses a name that is none', async () => {
    const node = await start(new MemoryStore(), 'a');
    expect(() => node.election.whenLeader('', () => {})).toThrow(expect.objectContaining({ code: 'INVALID_ID' }));
  });
});

/** As many as a slow machine elects in a minute; `ONE_ACTORS=100000` for many more. */
const ONE_ACTORS = Number(process.env.ONE_ACTORS ?? 10_000);

describe(`${ONE_ACTORS} OneActors on three nodes`, () => {
  it('write nothing at rest but three heartbeats', async () => {
    const store = new MemoryStore();
    const writes = new Map<string, number>();
    const count = (what: string) => writes.set(what, (writes.get(what) ?? 0) + 1);
    class CountingEngine extends MemoryEngine {
      override async append(request: Parameters<MemoryEngine['append']>[0]) {
        count('append');
        return super.append(request);
      }
      override async beat(node: Parameters<MemoryEngine['beat']>[0]) {
        count(`beat of ${node.nodeId}`);
        return super.beat(node);
      }
      override async send(messages: Parameters<MemoryEngine['send']>[0]) {
        count('message');
        return super.send(messages);
      }
    }
    const residentMax = 200_000;
    const nodes = await Promise.all(
      ['a', 'b', 'c'].map(async (nodeId) => {
        const options = {
          engine: new CountingEngine({ store }),
          nodeId,
          residentMax,
          heartbeatTimeoutMs: 1_000,
          log: undefined,
        };
        const { node, actors } = await startNode(Desk, options as never);
        running.push(node);
        return actors;
      }),
    );
    await allSeen();
    const ids = Array.from({ length: ONE_ACTORS }, (_, i) => `desk-${i}`);
    for (const [n, desks] of nodes.entries()) {
      const own = ids.filter((_, i) => i % 3 === n);
      for (let i = 0; i < own.length; i += 1_000) {
        await Promise.all(own.slice(i, i + 1_000).map(async (id) => (await desks.get(id)).sell('x')));
      }
    }
    expect(store.streams.size).toBe(ONE_ACTORS);
    const others = () => [...writes.keys()].filter((what) => !what.startsWith('beat'));
    // What is still under way.
    await eventually(async () => {
      writes.clear();
      await sleep(200);
      return others().length === 0;
    });
    writes.clear();
    await sleep(1_000);
    await eventually(() => writes.size >= 3);
    process.stdout.write(
      `${ONE_ACTORS} OneActors at rest, writes in a second: ${JSON.stringify(Object.fromEntries(writes))}\n`,
    );
    expect([...writes.keys()].sort()).toEqual(['beat of a', 'beat of b', 'beat of c']);
  });
});
