import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, ConflictError, EventHandler, LiveActor } from 'omniscient-nest';
import { MemoryStore } from 'omniscient-nest/memory';
import type { EventRecord } from '../../../lib/kernel/values/event.js';
import type { Runtime } from '../../../lib/runtime/node/runtime.js';
import { Counter, type CounterState, Watcher } from '../../support/actors.js';
import { eventually } from '../../support/eventually.js';
import { gate } from '../../support/one-cluster.js';
import { startNode, type Weather, WeatheredEngine } from '../../support/runtime.js';
import { randomFrom, seedFor } from '../../support/seed.js';

const nodes: Runtime[] = [];
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

async function cluster(size: number, weather: Weather = {}, options = {}) {
  const store = new MemoryStore();
  const started = [];
  for (let i = 0; i < size; i += 1) {
    const one = await startNode(Counter, {
      engine: new WeatheredEngine(weather, store),
      nodeId: `node-${i}`,
      ...options,
    });
    nodes.push(one.node);
    started.push(one);
  }
  return { started, store };
}

/** The plain fold, written again: what every replica has to agree with. */
function foldOf(events: readonly EventRecord[]): CounterState {
  const state: CounterState = { count: 0, log: [] };
  for (const { name, data } of events) {
    const payload = JSON.parse(data);
    if (name === 'added') state.count += payload.n;
    if (name === 'taken') state.count -= payload.n;
    if (name === 'noted') state.log.push(payload.text);
  }
  return state;
}

function expectNoHoles(events: readonly EventRecord[]): void {
  expect(events.map((event) => event.version)).toEqual(events.map((_, i) => i + 1));
  expect(new Set(events.map((event) => event.id)).size).toBe(events.length);
}

describe('two nodes on one stream', () => {
  it('reapply: both are stored, in some order, and both replicas agree', async () => {
    const { started, store } = await cluster(2);
    const [a, b] = await Promise.all(started.map(({ actors }) => actors.get('x')));
    await Promise.all([a?.add(1), b?.add(10), a?.add(100), b?.add(1000)]);
    await eventually(() => [a, b].every((each) => each?.state.count === 1111));
    expect(b?.state).toEqual(a?.state);
    expectNoHoles(store.streams.get('x') ?? []);
  });

  it('rerun: decides again on the new state, with the new answer', async () => {
    const { started } = await cluster(2, { beforeMs: () => 5 });
    const [a, b] = await Promise.all(started.map(({ actors }) => actors.get('x')));
    await a?.add(10);
    await eventually(() => b?.state.count === 10);
    const answers = await Promise.all([a?.take(10), b?.take(10)]);
    expect(answers.sort()).toEqual([false, true]);
    expect(a?.state.count).toBe(0);
  });

  it('rerun: commands that came after keep their order behind it', async () => {
    const { started, store } = await cluster(2, { beforeMs: () => 5 });
    const [a, b] = await Promise.all(started.map(({ actors }) => actors.get('x')));
    await a?.add(10);
    await eventually(() => b?.state.count === 10);
    const other = b?.add(1);
    await Promise.all([other, a?.take(3), a?.note('after the take'), a?.take(100), a?.note('last')]);
    const names = (store.streams.get('x') ?? [])
      .filter((event) => event.metadata.includes('node-0'))
      .map(({ name, data }) => name + data);
    expect(names).toEqual(['added{"n":10}', 'taken{"n":3}', 'noted{"text":"after the take"}', 'noted{"text":"last"}']);
    expect(a?.state).toEqual(foldOf(store.streams.get('x') ?? []));
  });

  it('reject: fails with ConflictError, which may be tried again, and leaves nothing', async () => {
    const { started, store } = await cluster(2, { beforeMs: () => 5 });
    const [a, b] = await Promise.all(started.map(({ actors }) => actors.get('x')));
    const results = await Promise.allSettled([a?.addOrReject(1), b?.addOrReject(1)]);
    const failed = results.find((result) => result.status === 'rejected') as PromiseRejectedResult;
    expect(failed.reason).toBeInstanceOf(ConflictError);
    expect(failed.reason).toMatchObject({ code: 'CONFLICT', retryable: true });
    expect(store.streams.get('x')).toHaveLength(1);
    await eventually(() => [a, b].every((each) => each?.version === 1 && each.pending === 0));
    expect(a?.state).toEqual(b?.state);
  });

  it("shows others' events while a command waits, under what it has fired", async () => {
    const { started } = await cluster(2);
    const [a, b] = await Promise.all(started.map(({ actors }) => actors.get('x')));
    const slow = a?.addLater(1, 500);
    await b?.add(100);
    await eventually(() => a?.confirmed.state.count === 100);
    // What it has fired itself it may still take back.
    expect(a?.state.count).toBe(100);
    expect(await slow).toBe(102);
    expect(a?.state.count).toBe(102);
    expect(a?.version).toBe(3);
  });

  it('a command that is partly stored is never run again: it fails, and the first part stays', async () => {
    const others = gate();
    @Actor()
    class Parts extends LiveActor<{ n: number }, { added: { n: number } }> {
      runs = 0;
      initialState() {
        return { n: 0 };
      }
      @Command({ onConflict: 'rerun' }) async two(): Promise<void> {
        this.runs += 1;
        this.fire('added', { n: 1 });
        await this.commit();
        this.fire('added', { n: 1 });
        await others.passed;
      }
      @Command() add(n: number): void {
        this.fire('added', { n });
      }
      @EventHandler() added({ n }: { n: number }) {
        this.state.n += n;
      }
    }
    const store = new MemoryStore();
    const [one, two] = await Promise.all(
      [0, 1].map(() => startNode(Parts, { engine: new WeatheredEngine({}, store) })),
    );
    nodes.push(one?.node as Runtime, two?.node as Runtime);
    const [a, b] = await Promise.all([one?.actors.get('x'), two?.actors.get('x')]);
    const slow = a?.two();
    slow?.catch(() => {});
    await eventually(() => store.streams.get('x')?.length === 1);
    await b?.add(100);
    others.open();
    await expect(slow).rejects.toBeInstanceOf(ConflictError);
    expect(store.streams.get('x')?.map(({ data }) => data)).toEqual(['{"n":1}', '{"n":100}']);
    expect(a?.state.n).toBe(101);
  });

  it('a part that is lost to a conflict fails the command, also when its method did not wait for it', async () => {
    @Actor()
    class Hasty extends LiveActor<{ n: number }, { added: { n: number } }> {
      initialState() {
        return { n: 0 };
      }
      @Command({ onConflict: 'reject' }) hurry(): string {
        this.fire('added', { n: 1 });
        void this.commit();
        return 'all is well';
      }
      @Command() add(n: number): void {
        this.fire('added', { n });
      }
      @EventHandler() added({ n }: { n: number }) {
        this.state.n += n;
      }
    }
    const store = new MemoryStore();
    const slow = await startNode(Hasty, { engine: new WeatheredEngine({ beforeMs: () => 15 }, store) });
    const fast = await startNode(Hasty, { engine: new WeatheredEngine({}, store) });
    nodes.push(slow.node, fast.node);
    const [a, b] = [await slow.actors.get('x'), await fast.actors.get('x')];
    const hurried = a.hurry();
    await b.add(100);
    await expect(hurried).rejects.toBeInstanceOf(ConflictError);
    expect(store.streams.get('x')?.map(({ data }) => data)).toEqual(['{"n":100}']);
    expect(a.state.n).toBe(100);
  });

  it('events without a handler in this class make nothing run again', async () => {
    const { started, store } = await cluster(1, { beforeMs: () => 1 });
    const counters = started[0];
    const watchers = counters?.also(Watcher);
    const [counter, watcher] = [await counters?.actors.get('x'), await watchers?.get('x')];
    const rounds = 200;
    const runs = await Promise.all(
      Array.from({ length: rounds }, async (_, i) => {
        await sleep(i % 7);
        await counter?.take(0);
        return watcher?.see();
      }),
    );
    // Each command ran exactly once: the counter in the actor itself counted runs, not events.
    expect([...runs].sort((x, y) => (x ?? 0) - (y ?? 0))).toEqual(Array.from({ length: rounds }, (_, i) => i + 1));
    expect(store.streams.get('x')).toHaveLength(2 * rounds);
    expectNoHoles(store.streams.get('x') ?? []);
    expect(watcher?.state.seen).toBe(rounds);
  });
});

describe('random interleavings', () => {
  const seed = seedFor('conflicts');
  for (let round = 0; round < 6; round += 1) {
    it(`keeps every promise in bad weather, round ${round}`, async () => {
      const random = randomFrom(seed + round);
      const chance = (p: number) => () => random() < p;
      const { started, store } = await cluster(3, {
        beforeMs: () => (random() < 0.3 ? random() * 3 : 0),
        afterMs: () => (random() < 0.3 ? random() * 3 : 0),
        refuse: chance(0.05),
        loseAnswer: chance(0.05),
      });
      const tally = { sum: 0, texts: [] as string[], answeredTaken: 0 };
      const callers = started.flatMap(({ actors }, node) =>
        Array.from({ length: 6 }, async (_, caller) => {
          const counter = await actors.get('x');
          for (let i = 0; i < 15; i += 1) await oneCommand(counter, random, `${node}/${caller}/${i}`, tally);
        }),
      );
      await Promise.all(callers);
      const length = () => store.streams.get('x')?.length;
      for (const { actors } of started) {
        const counter = await actors.get('x');
        await eventually(() => counter.confirmed.version === length() && counter.pending === 0);
      }
      const events = store.streams.get('x') ?? [];
      expectNoHoles(events);
      const folded = foldOf(events);
      for (const { actors } of started) {
        const counter = await actors.get('x');
        expect(counter.state).toEqual(folded);
        expect(counter.confirmed).toEqual({ state: folded, version: events.length });
      }
      expect(folded.count).toBe(tally.sum);
      expect([...folded.log].sort()).toEqual([...tally.texts].sort());
      let running = 0;
      for (const { name, data } of events) {
        running += name === 'added' ? JSON.parse(data).n : name === 'taken' ? -JSON.parse(data).n : 0;
        expect(running).toBeGreaterThanOrEqual(0);
      }
    });
  }
});

type Ref = Awaited<ReturnType<Awaited<ReturnType<typeof startNode<Counter>>>['actors']['get']>>;

async function oneCommand(
  counter: Ref,
  random: () => number,
  label: string,
  tally: { sum: number; texts: string[] },
): Promise<void> {
  const what = random();
  const n = 1 + Math.floor(random() * 5);
  if (what < 0.25) {
    await counter.add(n);
    tally.sum += n;
  } else if (what < 0.35) {
    await counter.addLater(n, random() * 4);
    tally.sum += 2 * n;
  } else if (what < 0.45) {
    await counter.addInParts(n);
    tally.sum += 2 * n;
  } else if (what < 0.7) {
    if (await counter.take(n)) tally.sum -= n;
  } else if (what < 0.8) {
    await counter.addOrReject(n).then(
      () => (tally.sum += n),
      (error: unknown) => expect(error).toBeInstanceOf(ConflictError),
    );
  } else if (what < 0.9) {
    await expect(counter.addThenThrow(n)).rejects.toThrow('changed my mind');
  } else {
    await counter.note(label);
    tally.texts.push(label);
  }
}
