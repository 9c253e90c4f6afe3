import { describe, expect, it } from '@jest/globals';
import { Actor, Command, EventHandler, type Tick, TickActor } from 'omniscient-nest';
import { defineActor } from '../../../lib/kernel/defining/actor-definition.js';
import { EngineError } from '../../../lib/kernel/values/errors.js';
import { type Beat, HEARTBEAT_TIMEOUT_MS, TickCourse } from '../../support/tick-course.js';

const HOUR_MS = 3_600_000;

/** One whose `onActivate` never ends, for some ids, once that is wanted. */
@Actor()
class Sleeper extends TickActor<{ ticks: number }, object> {
  static areStuck = false;
  static until: Promise<void>;

  initialState() {
    return { ticks: 0 };
  }

  override async onActivate(): Promise<void> {
    if (Sleeper.areStuck && this.id.startsWith('stuck')) await new Promise(() => {});
  }

  @Command()
  begin(everyMs: number): void {
    this.startTicking({ everyMs });
  }

  @Command()
  async beginLater(everyMs: number): Promise<void> {
    this.startTicking({ everyMs });
    await Sleeper.until;
  }

  @EventHandler()
  tick(_: Tick): void {
    this.state.ticks += 1;
  }
}

/** A course in which one node ticks once in `everyMs`. */
async function ticking(everyMs: number): Promise<TickCourse> {
  const course = new TickCourse(1);
  course.give(await course.start(), ['begin', everyMs]);
  await course.time.pass(3.5 * everyMs);
  expect(course.beats().at(-1)?.n).toBe(3);
  return course;
}

const ticksOf = (course: TickCourse) => course.beats().filter(({ name }) => name === 'tick');
const gaps = (ticks: readonly Beat[]) =>
  ticks.slice(1).map(({ firedAtMs }, i) => firedAtMs - (ticks[i]?.firedAtMs ?? 0));

describe('Time of a TickActor', () => {
  it.each([60_000, -60_000, HOUR_MS, -HOUR_MS])(
    'does not change its pace when the clock of its node is set by %i ms, and back again',
    async (byMs) => {
      const course = await ticking(500);
      const [node] = course.running;
      if (!node) throw new Error('no node runs');
      course.setClock(node, byMs);
      await course.time.pass(5_000);
      course.setClock(node, -byMs);
      await course.time.pass(5_000);
      const ticks = ticksOf(course);
      expect(ticks.length).toBeGreaterThanOrEqual(22);
      for (const gapMs of gaps(ticks)) {
        expect(gapMs).toBeGreaterThanOrEqual(500);
        expect(gapMs).toBeLessThan(510);
      }
      expect(ticks.filter(({ missed }) => missed > 0)).toEqual([]);
      // What people read goes up, at least by the interval.
      for (const [i, { atMs }] of ticks.entries()) {
        if (i > 0) expect(atMs - (ticks[i - 1]?.atMs ?? 0)).toBeGreaterThanOrEqual(500);
      }
    },
  );

  it('is told by another node that loads it after its clock was an hour ahead and was put right, and its node died', async () => {
    const course = await ticking(1_000);
    const [node] = course.running;
    if (!node) throw new Error('no node runs');
    await course.start();
    await course.time.pass(2_000);
    course.setClock(node, HOUR_MS);
    await course.time.pass(3_000);
    course.setClock(node, -HOUR_MS);
    await course.time.pass(5_000);
    const last = ticksOf(course).at(-1) as Beat;
    expect(last.atMs - last.firedAtMs).toBeGreaterThan(HOUR_MS / 2);
    course.kill(node);
    await course.time.pass(HEARTBEAT_TIMEOUT_MS + 1_500);
    const next = ticksOf(course).find(({ n }) => n === last.n + 1) as Beat;
    // The other node need not wait for a whole interval more, and knows what was missed.
    expect(next.firedAtMs - last.firedAtMs).toBeLessThan(HEARTBEAT_TIMEOUT_MS + 1_000);
    expect(next.missed).toBe(1);
  });

  it('makes no burst when the store was away: the next tick comes an interval after the one before was stored', async () => {
    const course = await ticking(200);
    const [node] = course.running;
    if (!node) throw new Error('no node runs');
    const { engine } = node;
    const append = engine.append.bind(engine);
    engine.append = async () => {
      throw new EngineError('ENGINE_UNAVAILABLE', 'away', { retryable: true });
    };
    await course.time.pass(3_000);
    engine.append = append;
    await course.time.pass(3_000);
    const ticks = ticksOf(course);
    const stored = ticks.slice(1).map(({ storedAtMs }, i) => storedAtMs - (ticks[i]?.storedAtMs ?? 0));
    for (const gapMs of stored) expect(gapMs).toBeGreaterThan(200 - 10);
    expect(ticks.reduce((sum, { missed }) => sum + missed, 0)).toBeGreaterThanOrEqual(12);
  });

  it('counts a tick that was refused as missed', async () => {
    const course = await ticking(200);
    const [node] = course.running;
    if (!node) throw new Error('no node runs');
    const { engine } = node;
    const append = engine.append.bind(engine);
    let refused = 0;
    engine.append = async (request) => {
      if (refused > 0) return append(request);
      refused += 1;
      throw new EngineError('REFUSED', 'not this one');
    };
    await course.time.pass(1_000);
    expect(refused).toBe(1);
    const ticks = ticksOf(course).slice(3);
    expect(ticks.map(({ n }) => n)).toEqual(ticks.map((_, i) => i + 4));
    expect(ticks[0]?.missed).toBe(1);
    expect(ticks.slice(1).every(({ missed }) => missed === 0)).toBe(true);
  });

  it('costs no memory that grows with how often ticking is begun anew', async () => {
    const course = new TickCourse(2);
    const node = await course.start();
    await course.time.pass(100);
    for (let i = 0; i < 3_000; i += 1) {
      course.give(node, ['begin', HOUR_MS + i]);
      await course.time.pass(30);
    }
    expect(course.beats().length).toBeGreaterThan(2_900);
    expect(node.runtime.parts.ticks.size).toBeLessThan(1_100);
  });
});

describe('Schedules of TickActors', () => {
  it('fail alone when the engine refuses one of many', async () => {
    const course = new TickCourse(3);
    const { engine, machine, metronomes } = await course.start();
    const add = engine.addSchedules.bind(engine);
    engine.addSchedules = async (schedules) => {
      if (schedules.some(({ id }) => id === 'bad')) throw new Error('this id is too strange');
      return add(schedules);
    };
    const begun: string[] = [];
    machine.run(async () => {
      const loaded = await Promise.all(['a', 'bad', 'c', 'd'].map((id) => metronomes.get(id)));
      for (const metronome of loaded) {
        const failed = (error: Error) => begun.push(`${metronome.id}: ${error.message}`);
        void metronome.begin(100).then(() => begun.push(metronome.id), failed);
      }
    });
    await course.time.pass(1_000);
    expect(begun.sort()).toEqual(['a', 'bad: this id is too strange', 'c', 'd']);
    expect([...course.store.schedules.values()].map(({ id }) => id).sort()).toEqual(['a', 'c', 'd']);
  });

  it('of a start that failed, soon or late, are removed', async () => {
    const course = new TickCourse(5);
    const node = await course.start();
    const sleepers = node.runtime.register<Sleeper>(defineActor(Sleeper), () => new Sleeper());
    course.give(node, ['beginAndFail']);
    let fail = () => {};
    Sleeper.until = new Promise<void>((_, reject) => {
      fail = () => reject(new Error('in the end it may not'));
    });
    node.machine.run(
      () =>
        void sleepers
          .get('s')
          .then((sleeper) => sleeper.beginLater(500))
          .catch(() => {}),
    );
    await course.time.pass(3_000);
    expect([...course.store.schedules.values()].map(({ id }) => id)).toContain('s');
    fail();
    // It stays loaded all the while.
    for (let i = 0; i < 12; i += 1) {
      node.machine.run(() => void sleepers.get('s'));
      await course.time.pass(1_000);
    }
    expect([...course.store.schedules.values()]).toEqual([]);
  });

  it('are added again when they are lost, by their owner and by any node that has the actor', async () => {
    const course = await ticking(500);
    const [owner] = course.running;
    const other = await course.start();
    course.look(other);
    await course.time.pass(3_000);
    course.store.schedules.clear();
    await course.time.pass(6_000);
    expect(course.owner()).toBe(owner?.machine.name);
    course.store.schedules.clear();
    course.look(other);
    await course.time.pass(100);
    if (owner) course.kill(owner);
    await course.time.pass(500 + HEARTBEAT_TIMEOUT_MS + 5_500);
    expect(course.owner()).toBe(other.machine.name);
    expect(course.time.nowMs - course.lastFiredAtMs()).toBeLessThan(600);
  });

  it('of many actors are taken over although some of them never get loaded', async () => {
    Sleeper.areStuck = false;
    const course = new TickCourse(4);
    const startNode = async () => {
      const { machine, engine, runtime } = await course.start();
      const sleepers = runtime.register<Sleeper>(defineActor(Sleeper), () => new Sleeper());
      return { machine, engine, sleepers };
    };
    const first = await startNode();
    const ids = [...Array.from({ length: 20 }, (_, i) => `stuck-${i}`), 'well'];
    const begin = async (id: string) => (await first.sleepers.get(id)).begin(500);
    first.machine.run(() => void Promise.all(ids.map(begin)));
    await course.time.pass(2_000);
    expect(course.store.schedules.size).toBe(21);
    const second = await startNode();
    await course.time.pass(2_000);
    Sleeper.areStuck = true;
    // So that it is left to the sweep.
    const take = second.engine.takeSchedules.bind(second.engine);
    const failToTake = () => {
      second.engine.takeSchedules = async () => {
        second.engine.takeSchedules = take;
        throw new EngineError('ENGINE_UNAVAILABLE', 'not now', { retryable: true });
      };
    };
    failToTake();
    first.machine.isDead = true;
    const countOf = (id: string) => course.store.streams.get(id)?.length ?? 0;
    await course.time.pass(12_000);
    const before = countOf('well');
    await course.time.pass(5_000);
    expect(countOf('well') - before).toBeGreaterThanOrEqual(9);
    // And what comes after that is looked after as well.
    const third = await startNode();
    third.machine.run(() => void third.sleepers.get('late').then((late) => late.begin(500)));
    await course.time.pass(2_000);
    third.machine.isDead = true;
    failToTake();
    await course.time.pass(12_000);
    const late = countOf('late');
    await course.time.pass(5_000);
    expect(countOf('late') - late).toBeGreaterThanOrEqual(9);
    expect(second.machine.runs).toBe(true);
  });
});
