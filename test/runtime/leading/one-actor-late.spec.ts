import { describe, expect, it } from '@jest/globals';
import { Actor, type ActorRef, Command, EventHandler, OmniscientError, OneActor } from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import { defineActor } from '../../../lib/kernel/defining/actor-definition.js';
import { Runtime } from '../../../lib/runtime/node/runtime.js';
import { LateMailEngine } from '../../support/late-mail.js';
import { silent } from '../../support/runtime.js';
import { seedFor } from '../../support/seed.js';
import { VirtualEnvironment } from '../../support/virtual-environment.js';

const SEEDS = 400;

class ClosedError extends OmniscientError {
  constructor() {
    super('CLOSED', 'the account is closed');
  }
}

@Actor()
class Account extends OneActor<{ closed: boolean; sum: number }, { paid: { c: number }; turned: { closed: boolean } }> {
  initialState() {
    return { closed: false, sum: 0 };
  }

  /** What was refused must not happen when the account is open again. */
  @Command() pay(c: number): number {
    if (this.state.closed) throw new ClosedError();
    this.fire('paid', { c });
    return this.state.sum;
  }

  @Command() async payInParts(c: number): Promise<void> {
    if (this.state.closed) throw new ClosedError();
    this.fire('paid', { c });
    await this.commit();
    this.fire('turned', { closed: this.state.closed });
  }

  /** Stores nothing, and answers. */
  @Command() look(): number {
    return this.state.sum;
  }

  @Command() turn(closed: boolean): void {
    this.fire('turned', { closed });
  }

  @EventHandler() paid({ c }: { c: number }): void {
    this.state.sum += c;
  }

  @EventHandler() turned({ closed }: { closed: boolean }): void {
    this.state.closed = closed;
  }
}

/** What says that nobody knows whether it was stored. */
const IN_DOUBT = new Set(['COMMIT_TIMEOUT', 'OUTCOME_UNKNOWN', 'NO_LEADER', 'COMMAND_INTERRUPTED']);

const isInDoubt = (error: unknown) => error instanceof OmniscientError && IN_DOUBT.has(error.code) && !error.retryable;

type Ended = 'acknowledged' | 'refused' | 'in doubt';

/** Lets time pass until this is done. */
async function inTime(world: VirtualEnvironment, work: Promise<unknown>): Promise<void> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  work.then(over, over);
  await world.run(() => isOver);
  await work;
}

/** Three nodes, thirty commands, and whatever this seed does to their messages and to the nodes. */
async function runSeed(seed: number) {
  const world = new VirtualEnvironment(seed);
  const { random } = world;
  const store = new MemoryStore();
  const mischief = { lost: 0.03, doubled: 0.2, late: 0.15, lateMsMax: 6_000 };
  const engines: LateMailEngine[] = [];
  const refs: ActorRef<Account>[] = [];
  const nodes: Runtime[] = [];
  const start = async (at: number) => {
    const engine = new LateMailEngine(store, world, mischief);
    const limits = { heartbeatTimeoutMs: 400, leaderTimeoutMs: 600, commitTimeoutMs: 3_000, shutdownTimeoutMs: 100 };
    const nodeId = `n${at}`;
    const node = new Runtime({ engine, nodeId, environment: world, log: silent, errors: [ClosedError], ...limits });
    await node.start();
    refs[at] = await node.register<Account>(defineActor(Account), () => new Account()).get('acc');
    engines[at] = engine;
    nodes[at] = node;
  };
  for (const at of [0, 1, 2]) await inTime(world, start(at));
  /** Dies, and is there again under its old id. */
  const restart = (at: number): Promise<void> => {
    (engines[at] as LateMailEngine).isKilled = true;
    return start(at);
  };
  const endings = new Map<number, Ended>();
  const give = async (c: number) => {
    const at = Math.floor(random() * refs.length);
    const ref = refs[at] as ActorRef<Account>;
    try {
      await (random() < 0.15 ? ref.payInParts(c) : ref.pay(c));
      endings.set(c, 'acknowledged');
    } catch (error) {
      endings.set(c, isInDoubt(error) ? 'in doubt' : 'refused');
    }
  };
  const course = async () => {
    const given: Promise<unknown>[] = [];
    for (let c = 1; c <= 30; c += 1) {
      given.push(give(c));
      if (random() < 0.05) await restart(Math.floor(random() * 3));
      const engine = engines[Math.floor(random() * engines.length)] as LateMailEngine;
      const nowMs = world.monotonicMs();
      const forMs = random() * 2_500;
      if (random() < 0.12) engine.mailFromMs = nowMs + forMs;
      if (random() < 0.08) engine.beatsFromMs = nowMs + forMs;
      if (random() < 0.1) engine.appendMsMax = random() * 400;
      else engine.appendMsMax = 2;
      if (random() < 0.3) given.push(refs[c % 3]?.turn(random() < 0.4).catch(() => {}) as Promise<void>);
      if (random() < 0.2) given.push(refs[c % 3]?.look().catch(() => {}) as Promise<number>);
      await world.sleep(random() * 300);
    }
    // A node that was killed answers nobody.
    await Promise.race([Promise.all(given), world.sleep(30_000)]);
    // Whatever was refused could happen now, should a message still come.
    await refs[0]?.turn(false).catch(() => {});
    await world.sleep(8_000);
    await refs[1]?.turn(false).catch(() => {});
    await world.sleep(2_000);
  };
  await inTime(world, course());
  const stored = (store.streams.get('acc') ?? []).filter(({ name }) => name === 'paid');
  const times = new Map<number, number>();
  for (const { data } of stored) {
    const { c } = JSON.parse(data) as { c: number };
    times.set(c, (times.get(c) ?? 0) + 1);
  }
  const faults: string[] = [];
  for (const [c, ended] of endings) {
    const count = times.get(c) ?? 0;
    if (count > 1) faults.push(`${c} (${ended}) is stored ${count} times`);
    if (ended === 'acknowledged' && count === 0) faults.push(`${c} was acknowledged and is not stored`);
    if (ended === 'refused' && count > 0) faults.push(`${c} was refused and is stored`);
  }
  const terms = (store.streams.get('acc') ?? []).filter(({ name }) => name === '$leader').length;
  await inTime(world, Promise.all(nodes.map((node) => node.stop())));
  return { faults, terms, endings };
}

describe('a command whose message is late, lost or doubled', () => {
  it(`has effect once if it was acknowledged, never if it was refused, and never twice, whatever the order: ${SEEDS} seeds`, async () => {
    const first = seedFor('one-actor-late');
    const failed: string[] = [];
    let terms = 0;
    const ended = { acknowledged: 0, refused: 0, 'in doubt': 0 };
    for (let seed = first; seed < first + SEEDS; seed += 1) {
      const course = await runSeed(seed);
      terms += course.terms;
      for (const each of course.endings.values()) ended[each] += 1;
      if (course.faults.length > 0) failed.push(`seed ${seed}: ${course.faults.join('; ')}`);
    }
    process.stdout.write(`one-actor-late: ${terms} terms, ${JSON.stringify(ended)}, ${failed.length} seeds failed\n`);
    expect(failed).toEqual([]);
    // The course has to be a rough one.
    expect(terms).toBeGreaterThan(2 * SEEDS);
    expect(ended.refused).toBeGreaterThan(SEEDS);
    expect(ended['in doubt']).toBeLessThan(ended.acknowledged / 4);
  }, 600_000);
});

describe('a node that is started again under its old id', () => {
  it('does not lead what its earlier start led before it is elected', async () => {
    const store = new MemoryStore();
    const start = async () => {
      const node = new Runtime({ engine: new MemoryEngine({ store }), nodeId: 'a', log: silent });
      await node.start();
      return { node, account: await node.register<Account>(defineActor(Account), () => new Account()).get('acc') };
    };
    const first = await start();
    await first.account.pay(1);
    await first.node.stop();
    const second = await start();
    expect(second.account.isLeader).toBe(false);
    expect(await second.account.pay(1)).toBe(2);
    expect(second.account.isLeader).toBe(true);
    const names = (store.streams.get('acc') ?? []).map(({ name }) => name);
    expect(names).toEqual(['$leader', 'paid', '$leader', 'paid']);
    await second.node.stop();
  });
});

describe('a node that leads again', () => {
  const limits = { heartbeatTimeoutMs: 60_000, leaderTimeoutMs: 200 };

  it('does not run what was sent to it in an earlier term', async () => {
    const store = new MemoryStore();
    const held: string[] = [];
    let deliver: (texts: readonly string[]) => void = () => {};
    let stalls = false;
    class StallingEngine extends MemoryEngine {
      override receive(nodeId: string, take: (texts: readonly string[]) => void) {
        deliver = take;
        return super.receive(nodeId, (texts) => {
          if (stalls) held.push(...texts);
          else take(texts);
        });
      }
    }
    const start = async (nodeId: string, engine: MemoryEngine) => {
      const node = new Runtime({ engine, nodeId, log: silent, ...limits });
      await node.start();
      await node.parts.cluster.start();
      const account = await node.register<Account>(defineActor(Account), () => new Account()).get('acc');
      return { node, account };
    };
    const a = await start('a', new StallingEngine({ store }));
    const b = await start('b', new MemoryEngine({ store }));
    await a.node.parts.cluster.membership.refresh();
    await a.account.pay(1);
    stalls = true;
    expect(await b.account.pay(100)).toBe(101);
    expect(await a.account.pay(1)).toBe(102);
    expect(a.account.isLeader).toBe(true);
    stalls = false;
    expect(held.length).toBeGreaterThan(0);
    deliver(held);
    // What came is dealt with before this, which comes later.
    await b.node.parts.cluster.membership.refresh();
    expect(await b.account.look()).toBe(102);
    expect(await a.account.look()).toBe(102);
    await Promise.all([a.node.stop(), b.node.stop()]);
  });
});
