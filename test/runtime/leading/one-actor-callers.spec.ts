import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, DeadlockError, EventHandler, LiveActor, OneActor, withCorrelation } from 'omniscient-nest';
import { MemoryEngine } from 'omniscient-nest/memory';
import type { AppendRequest } from '../../../lib/engine/duties/append.js';
import { defineActor } from '../../../lib/kernel/defining/actor-definition.js';
import { EngineError } from '../../../lib/kernel/values/errors.js';
import { eventually } from '../../support/eventually.js';
import { gate, InProcessCluster } from '../../support/one-cluster.js';

let cluster: InProcessCluster;
beforeEach(() => {
  cluster = new InProcessCluster();
});
afterEach(() => cluster.stopAll());

interface Callable {
  call(): Promise<string>;
}

/** Whom an actor calls, by the node that it runs on and its id. */
let next: Record<string, (() => Promise<Callable>) | undefined> = {};
/** Whom it calls without waiting for the answer. */
let told: Record<string, (() => Promise<{ answer(): Promise<string> }>) | undefined> = {};
let over = gate();
let rested = gate();
let answers: Promise<string>[] = [];

@Actor()
class Link extends OneActor<object, { called: object }> {
  initialState() {
    return {};
  }

  @Command() async call(): Promise<string> {
    const listener = told[this.id];
    if (listener) answers.push((await listener()).answer());
    const ref = await next[this.id]?.();
    return ref ? `${this.id}>${await ref.call()}` : this.id;
  }

  /** Calls back when the one that called is over. */
  @Command() async answer(): Promise<string> {
    await over.passed;
    return (await next[`${this.id} answers`]?.())?.call() ?? this.id;
  }

  /** Calls nobody. */
  @Command() async rest(): Promise<void> {
    await rested.passed;
  }

  @EventHandler() called(): void {}
}

@Actor()
class LiveLink extends LiveActor<object, { called: object }> {
  initialState() {
    return {};
  }

  @Command() async call(): Promise<string> {
    const listener = told[this.id];
    if (listener) answers.push((await listener()).answer());
    const ref = await next[this.id]?.();
    return ref ? `${this.id}>${await ref.call()}` : this.id;
  }

  @Command() async rest(): Promise<void> {
    await rested.passed;
  }

  @EventHandler() called(): void {}
}

const limits = { heartbeatTimeoutMs: 60_000, leaderTimeoutMs: 60_000 };

/** Nodes a and b, which lead these. */
async function startLinks(led: Record<'a' | 'b', readonly string[]>) {
  const a = await cluster.start(Link, 'a', limits);
  const b = await cluster.start(Link, 'b', limits);
  await cluster.seen();
  for (const id of led.a) await (await a.actors.get(id)).call();
  for (const id of led.b) await (await b.actors.get(id)).call();
  return { a, b };
}

const errorOf = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a circle of calls over several nodes', () => {
  beforeEach(() => {
    next = {};
    told = {};
    over = gate();
    rested = gate();
    answers = [];
  });

  it('is refused at once where it closes on the node that it began on, and named', async () => {
    const { a, b } = await startLinks({ a: ['p', 'r'], b: ['q'] });
    next = { p: () => a.actors.get('q'), q: () => b.actors.get('r'), r: () => a.actors.get('p') };
    const error = await errorOf((await a.actors.get('p')).call());
    expect(error).toBeInstanceOf(DeadlockError);
    expect((error as DeadlockError).chain).toEqual(["Link 'p'", "Link 'q'", "Link 'r'", "Link 'p'"]);
  });

  it('is named without those that only lead to it', async () => {
    const { a, b } = await startLinks({ a: ['p', 'start'], b: ['q'] });
    next = { start: () => a.actors.get('p'), p: () => a.actors.get('q'), q: () => b.actors.get('p') };
    const error = await errorOf((await a.actors.get('start')).call());
    expect(error).toBeInstanceOf(DeadlockError);
    expect((error as DeadlockError).chain).toEqual(["Link 'p'", "Link 'q'", "Link 'p'"]);
  });

  it('is refused also through an actor that runs where it is called', async () => {
    const { a, b } = await startLinks({ a: ['r'], b: ['q'] });
    const live = a.node.register(defineActor(LiveLink), () => new LiveLink());
    next = { l: () => a.actors.get('q'), q: () => b.actors.get('r'), r: () => live.get('l') };
    const error = await errorOf((await live.get('l')).call());
    expect(error).toBeInstanceOf(DeadlockError);
    expect((error as DeadlockError).chain).toEqual(["LiveLink 'l'", "Link 'q'", "Link 'r'", "LiveLink 'l'"]);
  });

  it('is none if the first did not wait, and is over', async () => {
    const { a, b } = await startLinks({ a: ['p'], b: ['q'] });
    told = { p: () => a.actors.get('q') };
    next = { 'q answers': () => b.actors.get('p') };
    expect(await (await a.actors.get('p')).call()).toBe('p');
    told = {};
    over.open();
    expect(await Promise.all(answers)).toEqual(['p']);
  });

  it.each(['led', 'live'])(
    'is none either while a later turn of the same request runs there, which waits for nobody: %s',
    async (kind) => {
      const { a, b } = await startLinks({ a: ['p', 'r'], b: ['q'] });
      const live = a.node.register(defineActor(LiveLink), () => new LiveLink());
      let hasCalledBack = false;
      const first = await (kind === 'led' ? a.actors : live).get('p');
      told = { p: () => a.actors.get('q') };
      next = {
        'q answers': async () => {
          const back = await (kind === 'led' ? b.actors : live).get('p');
          hasCalledBack = true;
          return back;
        },
      };
      await withCorrelation('one request', async () => {
        expect(await first.call()).toBe('p');
        told = {};
        const resting = first.rest();
        over.open();
        await eventually(() => hasCalledBack);
        // What is sent after it arrives after it: it waits there by now.
        await (await b.actors.get('r')).call();
        rested.open();
        await resting;
        expect(await Promise.all(answers)).toEqual(['p']);
      });
    },
  );
});

describe('a leader that has not the class', () => {
  @Actor()
  class Shop extends OneActor<object, object> {
    initialState() {
      return {};
    }
    @Command() look(): string {
      return 'shop';
    }
  }
  @Actor()
  class Till extends OneActor<object, object> {
    initialState() {
      return {};
    }
    @Command() look(): string {
      return 'till';
    }
  }

  it('is replaced by a node that has it', async () => {
    const warned: string[] = [];
    const log = { warn: (text: string) => void warned.push(text), error: () => {} };
    // They share the stream.
    const a = await cluster.start(Shop, 'a', limits);
    const b = await cluster.start(Till, 'b', { ...limits, log });
    await cluster.seen();
    expect(await (await a.actors.get('s')).look()).toBe('shop');
    const till = await b.actors.get('s');
    expect(await till.look()).toBe('till');
    expect(till.isLeader).toBe(true);
    expect(warned).toEqual([expect.stringContaining("node a, has no OneActor 'Till': this node has itself elected")]);
    expect(await (await a.actors.get('s')).look()).toBe('shop');
  });
});

describe('the engine is down while a leader is to be elected', () => {
  @Actor()
  class Desk extends OneActor<{ n: number; opened: number }, { added: object; opened: object }> {
    static runs = 0;
    static opens = false;

    initialState() {
      return { n: 0, opened: 0 };
    }

    override onActivate(): void {
      if (Desk.opens && this.state.opened === 0) this.fire('opened');
    }

    @Command() add(): number {
      Desk.runs += 1;
      this.fire('added');
      return this.state.n;
    }

    @EventHandler() added(): void {
      this.state.n += 1;
    }

    @EventHandler() opened(): void {
      this.state.opened += 1;
    }
  }

  const notRun = {
    name: 'OmniscientError',
    code: 'NO_LEADER',
    retryable: true,
    message: expect.stringContaining('it was not run: give it again'),
  };

  async function startDesk(isRefused: (name: string) => boolean) {
    class DownEngine extends MemoryEngine {
      override async append(request: AppendRequest) {
        if (request.events.some(({ name }) => isRefused(name))) {
          throw new EngineError('ENGINE_UNAVAILABLE', 'gone', { retryable: true });
        }
        return super.append(request);
      }
    }
    const engine = new DownEngine({ store: cluster.store });
    const { node, actors } = await cluster.start(Desk, 'a', { engine, commitTimeoutMs: 400 });
    Desk.runs = 0;
    const names = async () => (await node.parts.engine.readStream('d', 0, 100)).map(({ name }) => name);
    return { desk: await actors.get('d'), names };
  }

  it('tells callers that nothing was run, as often as they ask, and stands for election once', async () => {
    Desk.opens = false;
    let down = true;
    const { desk, names } = await startDesk(() => down);
    const error = await errorOf(desk.add());
    expect(error).toMatchObject(notRun);
    expect(error).toMatchObject({ cause: { code: 'ENGINE_UNAVAILABLE' } });
    expect(await errorOf(desk.add())).toMatchObject(notRun);
    expect(Desk.runs).toBe(0);
    down = false;
    await eventually(async () => (await names()).length > 0);
    expect(await desk.add()).toBe(1);
    expect(await names()).toEqual(['$leader', 'added']);
  });

  it('tells them so too while what the new leader begins with is not stored', async () => {
    Desk.opens = true;
    let down = true;
    const { desk, names } = await startDesk((name) => down && name === 'opened');
    expect(await errorOf(desk.add())).toMatchObject(notRun);
    expect(Desk.runs).toBe(0);
    down = false;
    await eventually(async () => (await names()).length > 1);
    expect(await desk.add()).toBe(1);
    expect(await names()).toEqual(['$leader', 'opened', 'added']);
  });
});
