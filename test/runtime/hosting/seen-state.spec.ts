import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, EventHandler, LiveActor } from 'omniscient-nest';
import { MemoryCluster } from '../../support/memory-cluster.js';
import { gate } from '../../support/one-cluster.js';
import { randomFrom, seedFor } from '../../support/seed.js';

interface Events {
  half: { by: number };
  said: object;
}

const turnsOfTheLoop = async (count: number) => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** Goes two steps at a time: who sees it at an odd place sees the middle of a command. */
@Actor()
class Walker extends LiveActor<{ steps: number; by: number[]; weight: number[] }, Events> {
  initialState() {
    return { steps: 0, by: [] as number[], weight: Array.from({ length: 30_000 }, (_, n) => n) };
  }

  @Command() async walk(ms: number, how: 'through' | 'back' = 'through', by = 0) {
    this.fire('half', { by });
    await turnsOfTheLoop(ms);
    this.fire('half', { by });
    await turnsOfTheLoop(ms);
    if (how === 'back') throw new Error('turned round');
  }

  @Command({ onConflict: 'rerun' }) async decide(ms: number, by: number) {
    this.fire('half', { by });
    await turnsOfTheLoop(ms);
    this.fire('half', { by });
  }

  /** Says something that nobody handles. */
  @Command() say() {
    this.fire('said');
  }

  @Command() async walkAndWait(passed: Promise<void>, look: () => void) {
    this.fire('half', { by: 0 });
    look();
    await passed;
    this.fire('half', { by: 0 });
  }

  @Command() async inParts(passed: Promise<void>) {
    this.fire('half', { by: 0 });
    this.fire('half', { by: 0 });
    await this.commit();
    this.fire('half', { by: 0 });
    await passed;
    this.fire('half', { by: 0 });
  }

  @EventHandler() half({ by }: Events['half']) {
    this.state.steps += 1;
    this.state.by.push(by);
  }
}

/** Looks at another actor. */
@Actor({ prefix: 'observer-' })
class Observer extends LiveActor<object, object> {
  initialState() {
    return {};
  }

  @Command() look(other: { readonly state: { readonly steps: number } }): number {
    return other.state.steps;
  }
}

let cluster: MemoryCluster;
beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(() => cluster.stop());

describe('ref.state shows what finished commands did', () => {
  it('and nothing of one that runs, to nobody but itself', async () => {
    const { actors } = await cluster.start();
    const walker = await actors(Walker).get('w');
    const observer = await actors(Observer).get('o');
    await walker.walk(0);
    const { passed, open } = gate();
    let within: number | undefined;
    const before = walker.state;
    const walking = walker.walkAndWait(passed, () => {
      within = walker.state.steps;
    });
    expect([within, walker.state.steps, walker.pending, await observer.look(walker)]).toEqual([2, 2, 0, 2]);
    // Nothing was copied again for that.
    expect(walker.state).toBe(before);
    open();
    await walking;
    expect(walker.state.steps).toBe(4);
  });

  it('with what is pending, and with the parts of a running one that it has committed', async () => {
    const { actors } = await cluster.start();
    const walker = await actors(Walker).get('w');
    const { passed, open } = gate();
    const first = walker.walk(0);
    const walking = walker.inParts(passed);
    await first;
    await turnsOfTheLoop(3);
    expect([walker.state.steps, walker.confirmed.state.steps, walker.pending]).toEqual([4, 4, 0]);
    open();
    await walking;
    expect(walker.state.steps).toBe(6);
  });

  it('nothing of it is left when it fails', async () => {
    const { actors } = await cluster.start();
    const walker = await actors(Walker).get('w');
    const walking = walker.walk(2, 'back');
    await turnsOfTheLoop(1);
    expect(walker.state.steps).toBe(0);
    await expect(walking).rejects.toThrow('turned round');
    expect(walker.state.steps).toBe(0);
  });

  it('looking while one runs costs what it changed, not what the state weighs', async () => {
    const { actors } = await cluster.start();
    const walker = await actors(Walker).get('w');
    const { weight } = walker.state;
    const { passed, open } = gate();
    const walking = walker.walkAndWait(passed, () => {});
    // The large part of it is the very same object: it was not copied.
    expect(walker.state.weight).toBe(weight);
    open();
    await walking;
    expect(walker.state.weight).toBe(weight);
  });
});

describe('state$ never says the middle of a command, and nothing twice', () => {
  it('whatever runs, fails, and overtakes', async () => {
    const seed = seedFor('seen-state');
    const random = randomFrom(seed);
    const nodes = await Promise.all([cluster.start(), cluster.start()]);
    const walkers = await Promise.all(nodes.map(({ actors }) => actors(Walker).get('w')));
    const said: string[][] = nodes.map(() => []);
    const confirmed: string[] = [];
    for (const [i, { actors }] of nodes.entries())
      actors(Walker)
        .state$('w')
        .subscribe(({ by }) => said[i]?.push(by.join()));
    nodes[0]
      ?.actors(Walker)
      .state$('w', { confirmed: true })
      .subscribe(({ by }) => confirmed.push(by.join()));
    const odd: string[] = [];
    const given: Promise<unknown>[] = [];
    for (let round = 0; round < 150; round += 1) {
      const walker = walkers[random() < 0.5 ? 0 : 1] as (typeof walkers)[number];
      const waits = Math.floor(random() * 3);
      const choice = random();
      if (choice < 0.4) given.push(walker.walk(waits, 'through', round));
      else if (choice < 0.6) given.push(walker.walk(waits, 'back', round).catch(() => {}));
      else if (choice < 0.8) given.push(walker.decide(waits, round));
      else given.push(walker.say());
      if (random() < 0.5) await turnsOfTheLoop(Math.floor(random() * 4));
      for (const each of walkers) if (each.state.steps % 2 !== 0) odd.push(`${round}: ${each.state.steps}`);
    }
    await Promise.all(given);
    expect(odd).toEqual([]);
    for (const states of [...said, confirmed]) {
      expect(states.filter((by) => by !== '' && by.split(',').length % 2 !== 0)).toEqual([]);
      expect(states.filter((by, i) => i > 0 && by === states[i - 1])).toEqual([]);
      expect(states.length).toBeGreaterThan(10);
    }
  });
});
