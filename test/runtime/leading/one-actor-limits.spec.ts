import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, ActorOverloadedError, Command, EventHandler, OneActor } from 'omniscient-nest';
import { eventually } from '../../support/eventually.js';
import { gate, InProcessCluster } from '../../support/one-cluster.js';

let cluster: InProcessCluster;
let served = gate();

@Actor()
class Booth extends OneActor<{ served: number }, { served: object }> {
  static waiting = 0;

  initialState() {
    return { served: 0 };
  }

  /** Nothing is done before the spec says so. */
  @Command() async serve(): Promise<number> {
    Booth.waiting += 1;
    await served.passed;
    this.fire('served');
    return this.state.served;
  }

  @Command() look(): number {
    return this.state.served;
  }

  @EventHandler('served') onServed(): void {
    this.state.served += 1;
  }
}

beforeEach(() => {
  cluster = new InProcessCluster();
  served = gate();
  Booth.waiting = 0;
});
afterEach(async () => {
  served.open();
  await cluster.stopAll();
});

/** The first node leads. */
async function startBooths(leaderMax: number, followerMax: number) {
  const limits = { heartbeatTimeoutMs: 60_000, leaderTimeoutMs: 60_000 };
  const a = await cluster.start(Booth, 'a', { ...limits, mailboxSizeMax: leaderMax });
  const b = await cluster.start(Booth, 'b', { ...limits, mailboxSizeMax: followerMax });
  await cluster.seen();
  const leading = await a.actors.get('x');
  await leading.look();
  const following = await b.actors.get('x');
  await following.look();
  return { leading, following };
}

const many = (count: number, give: () => Promise<number>) => Array.from({ length: count }, give);

/** What they came to once the gate is open: those that were refused were so before. */
async function outcomesOf(calls: Promise<number>[], refusedCount: number) {
  let refused = 0;
  for (const call of calls) call.catch(() => (refused += 1));
  await eventually(() => refused >= refusedCount);
  served.open();
  const outcomes = await Promise.allSettled(calls);
  const errors = outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason as Error] : []));
  for (const error of errors) {
    expect(error).toBeInstanceOf(ActorOverloadedError);
    expect(error).toMatchObject({ code: 'ACTOR_OVERLOADED', retryable: true });
  }
  return { answered: outcomes.length - errors.length, refused: errors.length };
}

describe('mailboxSizeMax of a OneActor', () => {
  it('bounds what is given on the leader', async () => {
    const { leading } = await startBooths(10, 10);
    const calls = many(500, () => leading.serve());
    expect(await outcomesOf(calls, 490)).toEqual({ answered: 10, refused: 490 });
    expect(await leading.look()).toBe(10);
  });

  it('bounds what is given on a follower, and is on its way', async () => {
    const { following } = await startBooths(1_000, 10);
    const calls = many(500, () => following.serve());
    expect(await outcomesOf(calls, 490)).toEqual({ answered: 10, refused: 490 });
    expect(await following.look()).toBe(10);
  });

  it('bounds what arrives from all nodes where it is run, and the error reaches the caller as what it is', async () => {
    const { leading, following } = await startBooths(10, 1_000);
    const own = many(4, () => leading.serve());
    await eventually(() => Booth.waiting === 1);
    const calls = many(500, () => following.serve());
    expect(await outcomesOf(calls, 494)).toEqual({ answered: 6, refused: 494 });
    await Promise.all(own);
    expect(await following.look()).toBe(10);
  });
});
