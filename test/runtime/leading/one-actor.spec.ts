import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type ActorRef, OmniscientError } from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { Runtime, RuntimeOptions } from '../../../lib/runtime/node/runtime.js';
import type { ActorRepository } from '../../../lib/runtime/refs/actor-repository.js';
import { eventually } from '../../support/eventually.js';
import { patientMs } from '../../support/machine-speed.js';
import { Desk, SoldOutError } from '../../support/one-actors.js';
import { startNode } from '../../support/runtime.js';

let running: Runtime[] = [];

/** Nodes of one cluster in this process. */
async function startDesks(
  count: number,
  options: Partial<RuntimeOptions> = {},
  store = new MemoryStore(),
): Promise<{ node: Runtime; desks: ActorRepository<Desk>; desk: ActorRef<Desk> }[]> {
  const nodes = [];
  for (let i = 1; i <= count; i += 1) {
    const { node, actors } = await startNode(Desk, {
      engine: new MemoryEngine({ store }),
      nodeId: `n${i}`,
      heartbeatTimeoutMs: 200,
      errors: [SoldOutError],
      ...options,
    });
    running.push(node);
    nodes.push({ node, desks: actors, desk: await actors.get('opera') });
  }
  // All have seen each other.
  await Promise.all(running.map(({ parts }) => parts.cluster.start()));
  await Promise.all(running.map(({ parts }) => parts.cluster.membership.refresh()));
  return nodes;
}

/** Lets go on what a test has stopped. */
let thaw = () => {};

/** Two nodes, of which the first can be stopped: it writes no heartbeats any more, or does nothing at all. */
async function startFreezable(limits: Partial<RuntimeOptions>) {
  const store = new MemoryStore();
  let frozen: 'all' | 'heartbeats' | undefined;
  const thawed = new Promise<void>((resolve) => {
    thaw = resolve;
  });
  class FreezableEngine extends MemoryEngine {
    override async append(request: Parameters<MemoryEngine['append']>[0]) {
      if (frozen === 'all') await thawed;
      return super.append(request);
    }
    override async beat(node: Parameters<MemoryEngine['beat']>[0]) {
      if (frozen) await thawed;
      return super.beat(node);
    }
    override async send(messages: Parameters<MemoryEngine['send']>[0]) {
      if (frozen === 'all') await thawed;
      return super.send(messages);
    }
  }
  const log: string[] = [];
  /** For each of them, whether the first node counted as alive then. */
  const wasAlive: boolean[] = [];
  let isAlive = () => true;
  const tell = (text: string) => {
    log.push(text);
    wasAlive.push(isAlive());
  };
  const options = { ...limits, log: { warn: tell, error: tell } };
  const [a] = await startDesks(1, { engine: new FreezableEngine({ store }), nodeId: 'old', ...options });
  const [b] = await startDesks(1, { engine: new MemoryEngine({ store }), nodeId: 'new', ...options });
  if (!a || !b) throw new Error('two nodes were started');
  isAlive = () => b.node.parts.cluster.membership.isAlive('old');
  const freeze = (what: 'all' | 'heartbeats') => {
    frozen = what;
  };
  return { a, b, freeze, log, wasAlive };
}

afterEach(async () => {
  thaw();
  Desk.seats = 1_000_000;
  await Promise.all(running.map((node) => node.stop()));
  running = [];
});

const names = async (node: Runtime) => (await node.parts.engine.readStream('opera', 0, 1_000)).map(({ name }) => name);

describe('OneActor', () => {
  it('runs commands from any node on the one leader, and all instances apply what it stored', async () => {
    const [a, b, c] = await startDesks(3);
    expect(await a?.desk.sell('anna')).toBe(1);
    expect(await b?.desk.sell('bert')).toBe(2);
    expect(await c?.desk.sell('cleo')).toBe(3);
    expect([a, b, c].map((each) => each?.desk.isLeader)).toEqual([true, false, false]);
    for (const each of [b, c]) expect(each?.desk.state.sold.slice(0, 2)).toEqual(['anna', 'bert']);
    expect(await b?.desk.look()).toEqual({ sold: 3, first: 'anna' });
    expect((await names(a?.node as Runtime)).filter((name) => name === '$leader')).toHaveLength(1);
  });

  it('shows its own answer to whoever gave the command, on whichever node', async () => {
    const [, b] = await startDesks(2);
    await b?.desk.sell('anna');
    expect(b?.desk.state.sold).toEqual(['anna']);
    const { version } = b?.desk ?? { version: 0 };
    await b?.desk.sell('bert');
    expect(b?.desk.state.sold).toEqual(['anna', 'bert']);
    expect(b?.desk.version).toBeGreaterThan(version);
  });

  it('has one winner when all nodes stand for election at once', async () => {
    const nodes = await startDesks(5);
    const seats = await Promise.all(
      nodes.flatMap(({ desk }, i) => Array.from({ length: 20 }, (_, k) => desk.sell(`${i}-${k}`))),
    );
    expect([...seats].sort((x, y) => x - y)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect((await names(nodes[0]?.node as Runtime)).filter((name) => name === '$leader')).toHaveLength(1);
  });

  it('keeps the order of calls made one after another', async () => {
    const [a, b] = await startDesks(2);
    await a?.desk.look();
    await Promise.all(Array.from({ length: 50 }, (_, i) => b?.desk.sell(String(i))));
    expect(b?.desk.state.sold).toEqual(Array.from({ length: 50 }, (_, i) => String(i)));
  });

  it('gives errors to the caller with class, code, cause and properties, and stores nothing', async () => {
    const [a, b] = await startDesks(2);
    await a?.desk.look();
    const type = await b?.desk.fail('type').catch((error: unknown) => error);
    expect(type).toBeInstanceOf(TypeError);
    expect((type as Error).cause).toBeInstanceOf(RangeError);
    const library = await b?.desk.fail('library').catch((error: unknown) => error);
    expect(library).toBeInstanceOf(OmniscientError);
    expect(library).toMatchObject({ code: 'OUT_OF_STOCK', retryable: true, message: 'come back' });
    expect(await b?.desk.fail('text').catch((error: unknown) => error)).toBe('just words');
    Desk.seats = 0;
    const own = await b?.desk.sell('anna').catch((error: unknown) => error);
    expect(own).toBeInstanceOf(SoldOutError);
    expect(own).toMatchObject({ code: 'SOLD_OUT', seats: 0 });
    expect(await names(a?.node as Runtime)).toEqual(['$leader']);
  });

  it('shows nothing anywhere before it is stored', async () => {
    const store = new MemoryStore();
    let hold: Promise<void> | undefined;
    class SlowEngine extends MemoryEngine {
      override async append(request: Parameters<MemoryEngine['append']>[0]) {
        await hold;
        return super.append(request);
      }
    }
    const [a] = await startDesks(1, { engine: new SlowEngine({ store }) });
    await a?.desk.look();
    let release = () => {};
    hold = new Promise((resolve) => {
      release = resolve;
    });
    const seats = Promise.all([a?.desk.sell('anna'), a?.desk.sell('bert')]);
    await sleep(20);
    expect(a?.desk.state.sold).toEqual([]);
    expect(a?.desk.pending).toBe(0);
    release();
    expect(await seats).toEqual([1, 2]);
    expect(a?.desk.state.sold).toEqual(['anna', 'bert']);
  });

  it('takes arguments and answers that JSON can carry, undefined ones too, and refuses others by name', async () => {
    const [a, b] = await startDesks(2);
    for (const each of [a, b]) {
      expect(await each?.desk.sellBoth('x', undefined, 'y')).toEqual(['x', 'y', 'none']);
      const error = await each?.desk.sell(new Date() as never).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'PAYLOAD_NOT_JSON' });
      expect((error as Error).message).toContain("argument 1 of 'sell'");
    }
  });

  it('fires single events through the leader too, and refuses what is no command', async () => {
    const [a, b] = await startDesks(2);
    await a?.desk.look();
    await b?.desk.fire('sold', { seat: 1, to: 'fired' });
    expect(b?.desk.state.sold).toEqual(['fired']);
    const odd = b?.desk as unknown as { secret: () => Promise<string> } | undefined;
    await expect(odd?.secret()).rejects.toMatchObject({ code: 'UNKNOWN_COMMAND' });
  });

  it('elects another when the leader leaves, at once, and no command fails', async () => {
    const [a, b, c] = await startDesks(3, { heartbeatTimeoutMs: 60_000, leaderTimeoutMs: 60_000 });
    await a?.desk.sell('first');
    const sales: Promise<number | undefined>[] = [];
    let selling = true;
    const seller = (async () => {
      for (let i = 0; selling; i += 1) {
        sales.push((i % 2 ? b : c)?.desk.sell(`s${i}`) as Promise<number>);
        await sleep(1);
      }
    })();
    await sleep(30);
    const startedMs = performance.now();
    let tookMs = 0;
    try {
      await a?.node.stop();
      await b?.desk.sell('after');
      tookMs = performance.now() - startedMs;
    } finally {
      selling = false;
      await seller;
    }
    const seats = await Promise.all(sales);
    expect(new Set(seats).size).toBe(seats.length);
    expect(b?.desk.state.sold).toHaveLength(seats.length + 2);
    expect(tookMs).toBeLessThan(patientMs(1_000));
    expect([b, c].filter((each) => each?.desk.isLeader)).toHaveLength(1);
  });

  it('replaces a leader that is silent, and runs nothing twice that the silent one has stored', async () => {
    const store = new MemoryStore();
    const [a, b] = await startDesks(2, { heartbeatTimeoutMs: 60_000, leaderTimeoutMs: 600 }, store);
    await a?.desk.look();
    // The leader's answers are lost, and nothing else.
    store.receivers.set('n2', () => {});
    Desk.runs.length = 0;
    expect(await b?.desk.sell('anna')).toBe(1);
    expect(Desk.runs).toEqual(['anna']);
    expect(b?.desk.isLeader).toBe(true);
    expect(b?.desk.state.sold).toEqual(['anna']);
    expect(await b?.desk.sell('bert')).toBe(2);
    await eventually(() => a?.desk.isLeader === false);
  });

  it('tells the caller of a command that was stored in part, and does not run it again', async () => {
    const store = new MemoryStore();
    const [a, b] = await startDesks(2, { heartbeatTimeoutMs: 60_000, leaderTimeoutMs: 500 }, store);
    await a?.desk.look();
    const sale = b?.desk.sellInParts('anna');
    const whole = await sale;
    expect(whole).toBeUndefined();
    store.receivers.set('n2', () => {});
    // It ends well on the leader; only the answer is lost.
    await b?.desk.sellInParts('bert');
    expect(b?.desk.state.sold).toEqual(['anna', 'bert']);
  });

  it('stops a leader that was frozen with its next write, and loses nothing', async () => {
    const store = new MemoryStore();
    let frozen: Promise<void> | undefined;
    class FreezingEngine extends MemoryEngine {
      override async append(request: Parameters<MemoryEngine['append']>[0]) {
        await frozen;
        return super.append(request);
      }
      override async beat(node: Parameters<MemoryEngine['beat']>[0]) {
        await frozen;
        return super.beat(node);
      }
    }
    const log: string[] = [];
    const options = { log: { warn: (text: string) => log.push(text), error: (text: string) => log.push(text) } };
    const [a] = await startDesks(1, { engine: new FreezingEngine({ store }), nodeId: 'old', ...options });
    const [b] = await startDesks(1, { engine: new MemoryEngine({ store }), nodeId: 'new', ...options });
    await a?.desk.sell('before');
    let thaw = () => {};
    frozen = new Promise((resolve) => {
      thaw = resolve;
    });
    const stuck = [a?.desk.sell('stuck1'), a?.desk.sell('stuck2')];
    await sleep(20);
    // The others see its heartbeat stop, and take over.
    expect(await b?.desk.sell('meanwhile')).toBe(2);
    expect(b?.desk.isLeader).toBe(true);
    thaw();
    frozen = undefined;
    expect(await Promise.all(stuck)).toEqual([3, 4]);
    expect(a?.desk.isLeader).toBe(false);
    expect(a?.desk.state.sold).toEqual(['before', 'meanwhile', 'stuck1', 'stuck2']);
    expect(log.join('\n')).toContain('this node has itself elected');
  });

  it('is led by another where a command waits for a leader without any sign of life, before the node counts as dead', async () => {
    const limits = { heartbeatTimeoutMs: 1_000, leaderTimeoutMs: 60_000 };
    const { a, b, freeze, log, wasAlive } = await startFreezable(limits);
    await a.desk.sell('before');
    freeze('all');
    expect(await b.desk.sell('meanwhile')).toBe(2);
    const at = log.findIndex((text) => text.includes('answers nothing and has no heartbeat'));
    expect(wasAlive[at]).toBe(true);
  });

  it('keeps a leader that answers, though its heartbeat stands still, until it counts as dead', async () => {
    const { a, b, freeze, log } = await startFreezable({ heartbeatTimeoutMs: 1_000, leaderTimeoutMs: 60_000 });
    await a.desk.sell('before');
    freeze('heartbeats');
    const { membership } = b.node.parts.cluster;
    while (membership.isAlive('old')) {
      expect(a.desk.isLeader).toBe(true);
      await b.desk.sell('meanwhile');
      await sleep(20);
    }
    expect(log.join('\n')).not.toContain('answers nothing and has no heartbeat');
  });

  it('keeps two leaders that do not know of each other safe', async () => {
    const store = new MemoryStore();
    const [a, b] = await startDesks(2, { heartbeatTimeoutMs: 60_000, leaderTimeoutMs: 60_000 }, store);
    await a?.desk.look();
    const sales: Promise<number>[] = [];
    for (let round = 0; round < 20; round += 1) {
      // Each holds the other for gone, again and again.
      a?.node.parts.cluster.membership.left('n2', b?.node.parts.cluster.membership.incarnation ?? '');
      b?.node.parts.cluster.membership.left('n1', a?.node.parts.cluster.membership.incarnation ?? '');
      for (let i = 0; i < 5; i += 1) {
        sales.push(
          a?.desk.sell(`a${round}-${i}`) as Promise<number>,
          b?.desk.sell(`b${round}-${i}`) as Promise<number>,
        );
      }
      await Promise.all(sales.slice(-10));
    }
    const seats = (await Promise.all(sales)).sort((x, y) => x - y);
    expect(seats).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
    const versions = (await a?.node.parts.engine.readStream('opera', 0, 1_000))?.map(({ version }) => version);
    expect(versions).toEqual(versions?.map((_, i) => i + 1));
  });

  it('writes nothing for actors that nobody gives a command', async () => {
    const store = new MemoryStore();
    const [a] = await startDesks(1, {}, store);
    for (let i = 0; i < 100; i += 1) await a?.desks.get(`idle-${i}`);
    expect(store.all).toHaveLength(0);
  });
});
