import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import {
  Actor,
  ActorOverloadedError,
  Command,
  CommitTimeoutError,
  DeadlockError,
  EventHandler,
  HandlerError,
  LiveActor,
  PayloadError,
  TurnError,
  UnknownCommandError,
} from 'omniscient-nest';
import { MemoryEngine } from 'omniscient-nest/memory';
import { firstValueFrom, take, tap, toArray } from 'rxjs';
import { Counter, Tally } from '../../support/actors.js';
import { eventually } from '../../support/eventually.js';
import { gate } from '../../support/one-cluster.js';
import { startNode, WeatheredEngine } from '../../support/runtime.js';

describe('a command is a transaction', () => {
  it('applies events at once, stores them together, and answers', async () => {
    const { actors, node } = await startNode(Counter);
    const counter = await actors.get('a');
    const answer = counter.add(2);
    expect(counter.state.count).toBe(2);
    expect(counter.pending).toBe(1);
    expect(counter.confirmed).toEqual({ state: { count: 0, log: [] }, version: 0 });
    expect(await answer).toBe(2);
    expect(counter.pending).toBe(0);
    expect(counter.confirmed).toEqual({ state: { count: 2, log: [] }, version: 1 });
    await node.stop();
  });

  it('leaves no trace when it throws', async () => {
    const { actors, node } = await startNode(Counter);
    const counter = await actors.get('a');
    await counter.add(1);
    await expect(counter.addThenThrow(5)).rejects.toThrow('changed my mind');
    expect(counter.state).toEqual({ count: 1, log: [] });
    expect(counter.version).toBe(1);
    expect(await node.parts.engine.streamVersion('a')).toBe(1);
    await node.stop();
  });

  it('keeps what commit() stored before it threw', async () => {
    const { actors, node } = await startNode(Counter);
    const counter = await actors.get('a');
    await expect(counter.addInParts(1, true)).rejects.toThrow('after the first part');
    expect(counter.state.count).toBe(1);
    expect(counter.version).toBe(1);
    await counter.addInParts(10);
    expect(counter.version).toBe(3);
    await node.stop();
  });

  it('fails with HandlerError when a handler throws, even if the method catches it', async () => {
    @Actor()
    class Stubborn extends LiveActor<{ n: number }, { ok: object; bad: object }> {
      initialState() {
        return { n: 0 };
      }
      @Command() both(): string {
        this.fire('ok', {});
        try {
          this.fire('bad', {});
        } catch {}
        return 'fine';
      }
      @EventHandler() ok() {
        this.state.n += 1;
      }
      @EventHandler() bad() {
        this.state.n += 100;
        throw new Error('no');
      }
    }
    const { actors, node } = await startNode(Stubborn);
    const actor = await actors.get('a');
    const error = await actor.both().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(HandlerError);
    expect(error).toMatchObject({ code: 'HANDLER_FAILED', event: 'bad', actor: 'Stubborn' });
    expect(actor.state).toEqual({ n: 0 });
    expect(actor.version).toBe(0);
    await node.stop();
  });

  it('runs commands of one actor one at a time, in order', async () => {
    const { actors, node } = await startNode(Counter);
    const counter = await actors.get('a');
    const answers = [counter.addLater(1, 15), counter.read(), counter.addLater(10, 1), counter.read()];
    expect(await Promise.all(answers)).toEqual([2, 2, 22, 22]);
    await node.stop();
  });

  it('refuses fire() after its command is over', async () => {
    let late: unknown;
    const tried = gate();
    @Actor()
    class Late extends LiveActor<object, { x: object }> {
      initialState() {
        return {};
      }
      @Command() start(): void {
        setTimeout(() => {
          try {
            this.fire('x', {});
          } catch (error) {
            late = error;
          }
          tried.open();
        }, 5);
      }
      @Command() async other(): Promise<void> {
        await tried.passed;
      }
    }
    const { actors, node } = await startNode(Late);
    const actor = await actors.get('a');
    await actor.start();
    await actor.other();
    expect(late).toBeInstanceOf(TurnError);
    expect(actor.version).toBe(0);
    await node.stop();
  });

  it('refuses payloads that JSON would not give back, with the path', async () => {
    @Actor()
    class Careless extends LiveActor<object, { x: object }> {
      initialState() {
        return {};
      }
      @Command() give(data: object): void {
        this.fire('x', data);
      }
    }
    const { actors, node } = await startNode(Careless);
    const actor = await actors.get('a');
    const cyclic: Record<string, unknown> = {};
    cyclic.self = { again: cyclic };
    const refused: [object, string][] = [
      [{ at: new Date() }, '$.at'],
      [{ a: [1, { b: Number.NaN }] }, '$.a[1].b'],
      [{ a: [undefined] }, '$.a[0]'],
      [{ a: new Map() }, '$.a'],
      [{ f: () => 1 }, '$.f'],
      [{ n: 1n }, '$.n'],
      [cyclic, '$.self.again'],
    ];
    for (const [payload, path] of refused) {
      const error = await actor.give(payload).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(PayloadError);
      expect((error as PayloadError).path.startsWith(path)).toBe(true);
    }
    await expect(actor.give(undefined as never)).rejects.toBeInstanceOf(PayloadError);
    expect(actor.version).toBe(0);
    await node.stop();
  });

  it('rejects methods that are no commands', async () => {
    const { actors, node } = await startNode(Counter);
    const counter = (await actors.get('a')) as unknown as { onReset(): Promise<void> };
    await expect(counter.onReset()).rejects.toBeInstanceOf(UnknownCommandError);
    await node.stop();
  });

  it('fires from outside as a command of its own', async () => {
    const { actors, node } = await startNode(Counter);
    const counter = await actors.get('a');
    await counter.fire('added', { n: 4 });
    await counter.fire('reset');
    await counter.fire('added', { n: 3 });
    expect(counter.state.count).toBe(3);
    expect(counter.version).toBe(3);
    await node.stop();
  });
});

describe('calls between actors', () => {
  interface Caller {
    call(chain: string[]): Promise<string>;
  }
  let find: (id: string) => Promise<Caller>;
  @Actor()
  class Chained extends LiveActor<object, { x: object }> {
    initialState() {
      return {};
    }
    @Command() async call(chain: string[]): Promise<string> {
      this.fire('x', {});
      const [next, ...rest] = chain;
      if (next === undefined) return this.id;
      await sleep(2);
      return `${this.id}>${await (await find(next)).call(rest)}`;
    }
  }

  it('carries correlation and causation', async () => {
    const { actors, node } = await startNode(Chained);
    find = (id) => actors.get(id);
    expect(await (await find('a')).call(['b', 'c'])).toBe('a>b>c');
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((id) => firstValueFrom(actors.events$(id))));
    expect(a?.metadata.causationId).toBeNull();
    expect(b?.metadata.causationId).toBe(a?.metadata.commandId);
    expect(c?.metadata.causationId).toBe(b?.metadata.commandId);
    expect([b, c].map((event) => event?.metadata.correlationId)).toEqual([
      a?.metadata.commandId,
      a?.metadata.commandId,
    ]);
    await node.stop();
  });

  it('refuses a circle, naming the chain, and goes on', async () => {
    const { actors, node } = await startNode(Chained);
    find = (id) => actors.get(id);
    const error = await (await find('a')).call(['b', 'c', 'a']).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DeadlockError);
    expect((error as DeadlockError).chain).toEqual(["Chained 'c'", "Chained 'a'", "Chained 'b'", "Chained 'c'"]);
    await expect((await find('a')).call(['a'])).rejects.toBeInstanceOf(DeadlockError);
    expect(await (await find('a')).call(['b'])).toBe('a>b');
    await node.stop();
  });

  it('refuses a circle that two separate calls close', async () => {
    const { actors, node } = await startNode(Chained);
    find = (id) => actors.get(id);
    const both = await Promise.allSettled([(await find('a')).call(['b']), (await find('b')).call(['a'])]);
    const failed = both.filter((result) => result.status === 'rejected');
    expect(failed.length).toBeGreaterThanOrEqual(1);
    for (const { reason } of failed as PromiseRejectedResult[]) expect(reason).toBeInstanceOf(DeadlockError);
    await node.stop();
  });
});

describe('calls while an actor is loaded', () => {
  it('refuses a circle through onActivate, and everybody goes on', async () => {
    let landlords: { get(id: string): Promise<{ ask(): Promise<string> }> };
    let tenants: { get(id: string): Promise<object> };
    @Actor()
    class Landlord extends LiveActor<object, object> {
      initialState() {
        return {};
      }
      @Command() async letIn(): Promise<string> {
        await tenants.get('t');
        return 'in';
      }
      @Command() ask(): string {
        return 'asked';
      }
    }
    @Actor()
    class Tenant extends LiveActor<object, object> {
      initialState() {
        return {};
      }
      override async onActivate(): Promise<void> {
        await (await landlords.get('l')).ask();
      }
    }
    const { actors, also, node } = await startNode(Landlord);
    landlords = actors;
    tenants = also(Tenant);
    const landlord = await actors.get('l');
    const error = await landlord.letIn().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DeadlockError);
    expect((error as DeadlockError).chain).toEqual(["Tenant 't'", "Landlord 'l'", "Tenant 't'"]);
    await tenants.get('t');
    expect(await landlord.letIn()).toBe('in');
    await node.stop();
  });
});

describe('limits', () => {
  it('tells callers after commitTimeoutMs and stores all the same', async () => {
    let raining = true;
    const engine = new WeatheredEngine({ refuse: () => raining });
    const { actors, node } = await startNode(Counter, { engine, commitTimeoutMs: 60 });
    const counter = await actors.get('a');
    const error = await counter.add(1).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CommitTimeoutError);
    expect(error).toMatchObject({ code: 'COMMIT_TIMEOUT', cause: { code: 'ENGINE_UNAVAILABLE' } });
    expect(counter.pending).toBe(1);
    expect(counter.state.count).toBe(1);
    raining = false;
    await firstValueFrom(actors.events$('a'));
    await eventually(() => counter.pending === 0);
    expect(counter.version).toBe(1);
    await node.stop();
  });

  it('refuses at once past mailboxSizeMax', async () => {
    let raining = true;
    const engine = new WeatheredEngine({ refuse: () => raining });
    const { actors, node } = await startNode(Counter, { engine, mailboxSizeMax: 3 });
    const counter = await actors.get('a');
    const accepted = [counter.add(), counter.add(), counter.add()];
    await expect(counter.add()).rejects.toBeInstanceOf(ActorOverloadedError);
    raining = false;
    await Promise.all(accepted);
    expect(counter.state.count).toBe(3);
    await node.stop();
  });
});

describe('being seen', () => {
  it('state$ gives the state now and each one after it, frozen; events$ the history, then live', async () => {
    const { actors, node } = await startNode(Counter);
    const counter = await actors.get('a');
    await counter.add(1);
    let shown = 0;
    const states = firstValueFrom(
      actors.state$('a').pipe(
        tap(() => {
          shown += 1;
        }),
        take(3),
        toArray(),
      ),
    );
    const events = firstValueFrom(actors.events$('a').pipe(take(3), toArray()));
    await eventually(() => shown > 0);
    await counter.add(2);
    await counter.add(3);
    expect((await states).map((state) => state.count)).toEqual([1, 3, 6]);
    expect((await states).every((state) => Object.isFrozen(state) && Object.isFrozen(state.log))).toBe(true);
    expect((await events).map((event) => [event.version, event.name])).toEqual([
      [1, 'added'],
      [2, 'added'],
      [3, 'added'],
    ]);
    await node.stop();
  });

  it('state$ with confirmed gives only what is stored, and nothing twice', async () => {
    let held = gate();
    let appends = 0;
    class HeldEngine extends MemoryEngine {
      override async append(request: Parameters<MemoryEngine['append']>[0]) {
        appends += 1;
        await held.passed;
        return super.append(request);
      }
    }
    const { actors, node } = await startNode(Counter, { engine: new HeldEngine() });
    const counter = await actors.get('a');
    const pending: number[] = [];
    const confirmed: number[] = [];
    const states: object[] = [];
    actors.state$('a').subscribe(({ count }) => pending.push(count));
    actors.state$('a', { confirmed: true }).subscribe((state) => {
      confirmed.push(state.count);
      states.push(state);
      expect(counter.confirmed.state).toBe(state);
    });
    await eventually(() => pending.length === 1 && confirmed.length === 1);
    const first = counter.add(1);
    await eventually(() => appends === 1 && pending.length === 2);
    const others = [counter.add(1), counter.add(1), counter.addThenThrow(9).catch(() => {})];
    await eventually(() => pending.length === 4);
    const { open } = held;
    held = gate();
    open();
    await eventually(() => confirmed.length === 2);
    held.open();
    await Promise.all([first, ...others]);
    await counter.note('no matter');
    expect(pending).toEqual([0, 1, 2, 3, 3]);
    expect(confirmed).toEqual([0, 1, 3, 3]);
    expect(new Set(states).size).toBe(states.length);
    await node.stop();
  });

  it('a serial Actor checks no version and sees others when it is loaded again', async () => {
    const { actors, also, node } = await startNode(Tally);
    const counters = also(Counter);
    const tally = await actors.get('a');
    await tally.add(1);
    await (await counters.get('a')).add(10);
    await tally.add(100);
    expect(tally.state.count).toBe(101);
    expect(tally.version).toBe(3);
    tally.release();
    await eventually(() => node.residents === 1);
    expect((await actors.get('a')).state.count).toBe(111);
    await node.stop();
  });
});
