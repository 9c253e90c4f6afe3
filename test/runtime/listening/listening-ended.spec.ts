import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, EventHandler, type Heard, LiveActor } from 'omniscient-nest';
import { ENDED_SOURCES_MAX } from '../../../lib/kernel/framework/ended-sources.js';
import type { FrameworkMemory } from '../../../lib/kernel/framework/framework-events.js';
import { eventually } from '../../support/eventually.js';
import { Speaker, type SpeakerEvents } from '../../support/listeners.js';
import { MemoryCluster } from '../../support/memory-cluster.js';

interface AskerEvents {
  asked: { whom: string };
  answered: { by: string };
}

/** Which sources an activation listens to again. */
let again: readonly string[] = [];
let from: number | undefined;

/** Asks many, each once. */
@Actor({ prefix: 'asker-' })
class Asker extends LiveActor<{ answers: number }, AskerEvents> {
  initialState() {
    return { answers: 0 };
  }

  override onActivate() {
    for (const whom of again) this.hear(whom);
  }

  @Command() ask(...whom: string[]) {
    for (const each of whom) {
      this.hear(each);
      this.fire('asked', { whom: each });
    }
  }

  @Command() askFor(whom: string, forMs: number) {
    this.hear(whom, forMs);
    this.fire('asked', { whom });
  }

  @Command() note() {
    this.fire('asked', { whom: '' });
  }

  @EventHandler() answered() {
    this.state.answers += 1;
  }

  private hear(whom: string, forMs?: number) {
    const limits = forMs === undefined ? { count: 1 } : { forMs };
    const answered = ({ streamId }: Heard<SpeakerEvents, 'said'>) => this.fire('answered', { by: streamId });
    this.listenTo(whom, answered, { ...limits, name: 'answer', ...(from !== undefined && { from }) });
  }
}

let cluster: MemoryCluster;
let nowMs = 0;
beforeEach(() => {
  cluster = new MemoryCluster();
  nowMs = Date.parse('2026-01-01T00:00:00.000Z');
  again = [];
  from = undefined;
});
afterEach(() => cluster.stop());

const start = async () => cluster.start({ snapshotEvery: 50, clock: { now: () => nowMs } });
const answers = () => cluster.stored<{ by: string }>('asker-a', 'answered').map(({ by }) => by);

function remembered(): NonNullable<FrameworkMemory['hearing']> {
  const snapshot = [...cluster.store.snapshots.values()].find(({ actor }) => actor === 'Asker');
  const { framework } = JSON.parse(snapshot?.state ?? '{}') as { framework?: FrameworkMemory };
  return framework?.hearing ?? { sources: [], parked: [] };
}

const names = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `s${from + i}`);

describe('what code listened to and ended', () => {
  it('is forgotten but for its name, of the last of them', async () => {
    const { actors } = await start();
    const asker = await actors(Asker).get('a');
    const speakers = actors(Speaker);
    const sizes: number[] = [];
    for (let at = 0; at < ENDED_SOURCES_MAX * 2; at += 250) {
      const asked = names(at, at + 250);
      await asker.ask(...asked);
      await Promise.all(asked.map(async (id) => (await speakers.get(id)).say('yes')));
      await eventually(() => answers().length === at + 250, 60_000);
      for (let i = 0; i < 50; i += 1) await asker.note();
      const { sources, ended = [] } = remembered();
      expect(sources.length).toBeLessThanOrEqual(250);
      sizes.push(ended.flatMap(([, ...each]) => each).length);
    }
    expect(sizes.at(-1)).toBe(ENDED_SOURCES_MAX);
    expect(new Set(answers()).size).toBe(ENDED_SOURCES_MAX * 2);
  });

  it.each([undefined, 0])('is not begun anew by the onActivate of the next activation (from: %s)', async (given) => {
    from = given;
    const first = await start();
    await (await first.actors(Asker).get('a')).ask('ann');
    await (await first.actors(Speaker).get('ann')).say('yes');
    await eventually(() => answers().length === 1);
    await cluster.stop(first.node);
    again = ['ann', 'bob'];
    const next = await start();
    await (await next.actors(Asker).get('a')).note();
    await (await next.actors(Speaker).get('ann')).say('again');
    await (await next.actors(Speaker).get('bob')).say('yes');
    await eventually(() => answers().includes('bob'));
    expect(answers()).toEqual(['ann', 'bob']);
  });

  it('is begun anew by a command', async () => {
    const { actors } = await start();
    const asker = await actors(Asker).get('a');
    const ann = await actors(Speaker).get('ann');
    for (let times = 1; times <= 3; times += 1) {
      await asker.ask('ann');
      await ann.say('yes');
      await ann.say('and once more');
      await eventually(() => answers().length === times);
    }
    expect(answers()).toEqual(['ann', 'ann', 'ann']);
  });

  it('is heard once, also by a node that is behind', async () => {
    from = 0;
    again = names(0, 30);
    const nodes = await Promise.all([start(), start(), start()]);
    for (const { actors } of nodes) await (await actors(Asker).get('a')).note();
    const speakers = nodes.map(({ actors }) => actors(Speaker));
    for (const [i, id] of again.entries()) await (await speakers[i % 3]?.get(id))?.say('yes');
    await eventually(() => new Set(answers()).size === 30);
    for (const { actors } of nodes) await (await actors(Asker).get('a')).note();
    expect(answers().sort()).toEqual([...again].sort());
  });

  it('is forgotten too when its time is over, with what is stored next', async () => {
    const { actors } = await start();
    const asker = await actors(Asker).get('a');
    for (const id of names(0, 5)) await asker.askFor(id, 1_000);
    nowMs += 3_600_000;
    await eventually(async () => {
      await asker.note();
      const over = cluster.stored<{ over?: string[] }>('asker-a', '$listening').flatMap((each) => each.over ?? []);
      return over.length === 5;
    });
    for (let i = 0; i < 50; i += 1) await asker.note();
    await eventually(() => remembered().ended !== undefined);
    expect(remembered().sources).toEqual([]);
  });
});
