import { setImmediate } from 'node:timers';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Actor, EventHandler, LiveActor } from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { StorePage } from '../../../lib/engine/duties/read.js';
import { type Environment, turnOfTheLoop } from '../../../lib/engine/environment/environment.js';
import { SYSTEM } from '../../../lib/engine/environment/system-environment.js';
import { SLICE_EVENTS_MAX, SLICE_MS, TimeSlices } from '../../../lib/engine/environment/time-slices.js';
import type { NewEvent } from '../../../lib/kernel/values/event.js';
import type { Runtime } from '../../../lib/runtime/node/runtime.js';
import { Counter } from '../../support/actors.js';
import { eventually } from '../../support/eventually.js';
import { startNode } from '../../support/runtime.js';

/** Counts turns of the event loop, and what is done between two of them. */
class Turns {
  now = 0;
  most = 0;
  #done = 0;
  #over = false;

  constructor() {
    const turn = () => {
      this.now += 1;
      this.#done = 0;
      if (!this.#over) setImmediate(turn);
    };
    setImmediate(turn);
  }

  did(count: number): void {
    this.#done += count;
    this.most = Math.max(this.most, this.#done);
  }

  end(): void {
    this.#over = true;
  }
}

/** Answers at once, as engines do whose store is in this process, and counts what it gives out. */
class CountedEngine extends MemoryEngine {
  turns = new Turns();

  override async readStream(...args: Parameters<MemoryEngine['readStream']>) {
    const page = await super.readStream(...args);
    this.turns.did(page.length);
    return page;
  }

  override async readAll(...args: Parameters<MemoryEngine['readAll']>): Promise<StorePage> {
    const page = await super.readAll(...args);
    this.turns.did(page.events.length);
    return page;
  }
}

/** A clock that stands still unless a spec sets it on: slices are told by their events alone. */
class StoppedEnvironment implements Environment {
  monotonic = 0;
  now = SYSTEM.now;
  setTimeout = SYSTEM.setTimeout;
  clearTimeout = SYSTEM.clearTimeout;
  setImmediate = SYSTEM.setImmediate;
  queueMicrotask = SYSTEM.queueMicrotask;
  random = SYSTEM.random;
  uuid = SYSTEM.uuid;
  keepAlive = SYSTEM.keepAlive;
  monotonicMs = () => this.monotonic;
}

const METADATA = JSON.stringify({
  at: '2026-01-01T00:00:00.000Z',
  correlationId: 'c',
  commandId: 'c',
  actor: 'Counter',
});

async function fill(engine: MemoryEngine, streamId: string, count: number, name = 'added', data: object = { n: 1 }) {
  const event = (i: number): NewEvent => ({
    id: `${streamId}-${i}`,
    name,
    data: JSON.stringify(data),
    metadata: METADATA,
  });
  await engine.append({ streamId, expectedVersion: 0, events: Array.from({ length: count }, (_, i) => event(i)) });
}

let node: Runtime | undefined;
let engine: CountedEngine;
afterEach(async () => {
  engine.turns.end();
  await node?.stop();
});

async function start(environment = new StoppedEnvironment()) {
  engine = new CountedEngine({ store: new MemoryStore(), environment });
  const started = await startNode(Counter, { engine, environment, snapshotEvery: 0, residentMax: 1_000_000 });
  node = started.node;
  return { ...started, environment };
}

/** The most events that anything got between two turns of the event loop, while this was done. */
async function mostDuring(work: () => Promise<unknown>): Promise<number> {
  // What was done before counts too.
  await turnOfTheLoop(SYSTEM);
  engine.turns.most = 0;
  await work();
  return engine.turns.most;
}

async function drained(steps: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of steps) count += 1;
  return count;
}

describe('between two turns of the event loop', () => {
  const LONG = 10_500;

  it('at most a page of events is handled: by a load, a replay, an audit, an iteration, a count of what is parked', async () => {
    const { actors, node: runtime } = await start();
    await fill(engine, 'long', LONG);
    await fill(engine, 'noise', LONG, '$parked', { id: 'x', actor: 'nobody' });
    const works: Record<string, () => Promise<unknown>> = {
      load: async () => expect((await actors.get('long')).state.count).toBe(LONG),
      replay: async () => expect(await drained(actors.replay('long'))).toBe(LONG),
      audit: async () => expect(await drained(runtime.trail.causedBy('c'))).toBe(2 * LONG),
      parked: async () => expect(await runtime.parked.count()).toBe(1),
      iteration: async () => {
        let last = 0;
        for await (const { version } of runtime.subscriptions.stream$('long')) if ((last = version) === LONG) break;
        expect(last).toBe(LONG);
      },
      subscription: () =>
        new Promise<void>((resolve) => {
          runtime.subscriptions.all$().subscribe(({ position }) => {
            if (position === 2 * LONG) resolve();
          });
        }),
    };
    for (const [name, work] of Object.entries(works)) {
      const most = await mostDuring(work);
      // What is left of a page, and one more.
      expect({ [name]: most < 2 * SLICE_EVENTS_MAX }).toEqual({ [name]: true });
      expect(most).toBeGreaterThanOrEqual(SLICE_EVENTS_MAX / 2);
    }
  });

  it('at most two pages, however many actors are loaded at the same time', async () => {
    const { also } = await start();
    const turns = engine.turns;
    // Only what is handled counts here: what all read at the same time is bounded by the time that takes.
    engine.turns = new Turns();
    engine.turns.end();
    @Actor()
    class Counted extends LiveActor<{ count: number }, { added: { n: number } }> {
      initialState() {
        return { count: 0 };
      }
      @EventHandler() added() {
        turns.did(1);
        this.state.count += 1;
      }
    }
    const actors = also(Counted);
    const ids = Array.from({ length: 100 }, (_, i) => `actor-${i}`);
    const countOf = (id: string) => 1 + ((ids.indexOf(id) * 37) % 900);
    for (const id of ids) await fill(engine, id, countOf(id));
    const loaded = await Promise.all(ids.map((id) => actors.get(id)));
    expect(turns.most).toBeLessThan(2 * SLICE_EVENTS_MAX);
    expect(loaded.map(({ state }) => state.count)).toEqual(ids.map(countOf));
    turns.end();
  });

  it('a load whose handlers take their time gives up its turn in the middle of a page', async () => {
    const { also, environment } = await start();
    const turns = engine.turns;
    engine.turns = new Turns();
    engine.turns.end();
    @Actor()
    class Slow extends LiveActor<{ count: number }, { added: { n: number } }> {
      initialState() {
        return { count: 0 };
      }
      @EventHandler() added() {
        // A millisecond each.
        environment.monotonic += 1;
        turns.did(1);
        this.state.count += 1;
      }
    }
    await fill(engine, 'slow', 900);
    expect((await also(Slow).get('slow')).state.count).toBe(900);
    // A piece of a page is not interrupted.
    expect(turns.most).toBeLessThanOrEqual(SLICE_MS + 32);
    turns.end();
  });
});

describe('many actors', () => {
  /** Letting one of them go takes a millisecond. */
  async function startMany(count: number) {
    const { also, environment, node: runtime } = await start();
    const turns = engine.turns;
    engine.turns = new Turns();
    engine.turns.end();
    let left = 0;
    @Actor({ passivateAfterMs: 1_000 })
    class Guest extends LiveActor<object, object> {
      initialState() {
        return {};
      }
      override onPassivate(): void {
        environment.monotonic += 1;
        turns.did(1);
        left += 1;
      }
    }
    const guests = also(Guest);
    await Promise.all(Array.from({ length: count }, (_, i) => guests.get(`guest-${i}`)));
    return { turns, environment, runtime, left: () => left };
  }

  it('that are let go because they idled leave others their turn', async () => {
    const { turns, environment, left } = await startMany(300);
    // Whoever was used since the last look is only seen to be idle at the next.
    await eventually(() => {
      environment.monotonic += 1_000;
      return left() === 300;
    });
    expect(turns.most).toBeLessThanOrEqual(SLICE_MS + 1);
    turns.end();
  });

  it('that are let go because the node ends leave others their turn', async () => {
    const { turns, runtime, left } = await startMany(300);
    await runtime.stop();
    expect(left()).toBe(300);
    expect(turns.most).toBeLessThanOrEqual(SLICE_MS + 1);
    turns.end();
  });
});

describe('time slices', () => {
  it('let everybody go on in the order in which they came, as many in a turn as there is time for', async () => {
    const environment = new StoppedEnvironment();
    const slices = new TimeSlices(environment);
    engine = new CountedEngine();
    const { turns } = engine;
    const course: string[] = [];
    const worker = async (name: string) => {
      for (let i = 0; i < 3; i += 1) {
        await slices.turn();
        course.push(`${name}${i}@${turns.now}`);
        environment.monotonic += 4;
      }
    };
    await Promise.all([worker('a'), worker('b'), worker('c'), worker('d')]);
    const order = course.map((step) => step.split('@')[0]).join(' ');
    expect(order).toBe('a0 b0 c0 d0 a1 b1 c1 d1 a2 b2 c2 d2');
    const turnOf = (step: string) => step.split('@')[1];
    // 4 ms each: the third begins at 8 ms, before the slice is over.
    for (const step of course)
      expect(course.filter((other) => turnOf(other) === turnOf(step)).length).toBeLessThanOrEqual(3);
  });

  it('let ten thousand go on without one of them waiting for ever', async () => {
    engine = new CountedEngine();
    const slices = new TimeSlices(SYSTEM);
    let ended = 0;
    await Promise.all(Array.from({ length: 10_000 }, () => slices.turn().then(() => (ended += 1))));
    expect(ended).toBe(10_000);
  });
});
