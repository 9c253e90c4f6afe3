import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, EventHandler, OneActor } from 'omniscient-nest';
import { MemoryEngine } from 'omniscient-nest/memory';
import { patientMs } from '../../support/machine-speed.js';
import { InProcessCluster } from '../../support/one-cluster.js';

let cluster: InProcessCluster;
beforeEach(() => {
  cluster = new InProcessCluster();
});
afterEach(() => cluster.stopAll());

@Actor()
class Clerk extends OneActor<{ done: string[] }, { done: { what: string } }> {
  initialState() {
    return { done: [] as string[] };
  }

  @Command() async work(what: string, ms: number): Promise<string> {
    if (ms > 0) await sleep(ms);
    this.fire('done', { what });
    return what;
  }

  @EventHandler('done') onDone({ what }: { what: string }): void {
    this.state.done.push(what);
  }
}

const LEADER_TIMEOUT_MS = 400;

/** The first node leads; what the other sends it may be lost. */
async function startClerks() {
  let isLost = (_: string) => false;
  class LossyEngine extends MemoryEngine {
    override async send(messages: Parameters<MemoryEngine['send']>[0]) {
      return super.send(messages.filter(({ text }) => !isLost(text)));
    }
  }
  const limits = { leaderTimeoutMs: LEADER_TIMEOUT_MS, heartbeatTimeoutMs: 60_000 };
  const a = await cluster.start(Clerk, 'a', limits);
  const b = await cluster.start(Clerk, 'b', { ...limits, engine: new LossyEngine({ store: cluster.store }) });
  await cluster.seen();
  const leading = await a.actors.get('c');
  await leading.work('first', 0);
  const following = await b.actors.get('c');
  await following.work('second', 0);
  const lose = (what: string) => {
    isLost = (text) => text.includes('"kind":"call"') && text.includes(what);
  };
  return { leading, following, lose };
}

describe('a call whose message was lost', () => {
  it('is given up in time and run, though what was sent after it is answered all the while', async () => {
    const { leading, following, lose } = await startClerks();
    lose('the lost one');
    let ended = false;
    const lost = following.work('the lost one', 0).finally(() => {
      ended = true;
    });
    const beganMs = performance.now();
    for (let n = 0; !ended && performance.now() - beganMs < patientMs(20 * LEADER_TIMEOUT_MS); n += 1) {
      await following.work(`later ${n}`, 0);
      await sleep(LEADER_TIMEOUT_MS / 10);
    }
    expect(ended).toBe(true);
    expect(await lost).toBe('the lost one');
    expect(following.state.done.filter((what) => what === 'the lost one')).toHaveLength(1);
    expect(following.isLeader).toBe(true);
    expect(await leading.work('last', 0)).toBe('last');
  });
});

describe('a leader that is busy', () => {
  it('is not taken for silent by what waits behind other commands', async () => {
    const { leading, following } = await startClerks();
    const names = Array.from({ length: 12 }, (_, i) => `task ${i}`);
    // All together take three times as long as a leader may be silent.
    const tasks = names.map((name) => following.work(name, LEADER_TIMEOUT_MS / 4));
    expect(await Promise.all(tasks)).toEqual(names);
    expect(leading.isLeader).toBe(true);
    expect(following.state.done.slice(2)).toEqual(names);
  });
});
