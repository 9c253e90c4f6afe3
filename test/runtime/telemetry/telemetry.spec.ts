import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { metrics, SpanKind, trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  ParentBasedSampler,
  SamplingDecision,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { EventHandler, Projection } from 'omniscient-nest';
import { MemoryStore } from 'omniscient-nest/memory';
import type { EventMetadata, EventRecord } from '../../../lib/kernel/values/event.js';
import type { Runtime } from '../../../lib/runtime/node/runtime.js';
import { loadTelemetry } from '../../../lib/runtime/telemetry/load-telemetry.js';
import { Counter } from '../../support/actors.js';
import { eventually } from '../../support/eventually.js';
import { Account, Follower, failing, Shop, Speaker } from '../../support/listeners.js';
import { Desk, Metronome } from '../../support/one-actors.js';
import { gate } from '../../support/one-cluster.js';
import { startNode, type Weather, WeatheredEngine } from '../../support/runtime.js';
import { failed, Observatory } from '../../support/telemetry.js';

let observatory: Observatory;
let store: MemoryStore;
let running: Runtime[] = [];

beforeEach(() => {
  observatory = new Observatory();
  store = new MemoryStore();
});
afterEach(async () => {
  failing.clear();
  await Promise.all(running.map((node) => node.stop()));
  running = [];
  observatory.close();
});

/** A node that is observed, unless it is not to be. */
async function start<A extends Parameters<typeof startNode>[0]>(
  actorClass: A,
  options: NonNullable<Parameters<typeof startNode>[1]> & { wanted?: boolean | undefined; weather?: Weather } = {},
) {
  const { wanted, weather = {}, nodeId = 'one', ...rest } = options;
  const telemetry = await loadTelemetry(wanted, nodeId);
  const engine = new WeatheredEngine(weather, store);
  const started = await startNode<InstanceType<A>>(actorClass as never, { engine, nodeId, telemetry, ...rest });
  running.push(started.node);
  return started;
}

const metadataOf = (record: EventRecord | undefined) => JSON.parse(record?.metadata as string) as EventMetadata;

describe('commands', () => {
  it('are counted by actor, name and outcome, and errors are recorded with their code', async () => {
    const { actors } = await start(Counter, { mailboxSizeMax: 1 });
    const counter = await actors.get('a');
    for (const n of [1, 2, 3]) await counter.add(n);
    await counter.once('key').add(4);
    await counter.once('key').add(4);
    await expect(counter.addThenThrow(1)).rejects.toThrow('changed my mind');
    const slow = counter.addLater(1, 20);
    await expect(counter.add(1)).rejects.toMatchObject({ code: 'ACTOR_OVERLOADED' });
    await slow;

    expect(await observatory.metric('omniscient.command.duration')).toEqual({
      'actor=Counter command=add outcome=ok': 5,
      'actor=Counter command=addLater outcome=ok': 1,
      'actor=Counter command=addThenThrow error.type=Error outcome=error': 1,
      'actor=Counter command=add error.type=ACTOR_OVERLOADED outcome=error': 1,
    });
    expect(await observatory.unitOf('omniscient.command.duration')).toBe('s');
    const [thrown] = observatory.spansOf('Counter.addThenThrow');
    expect(thrown?.status.message).toBe('changed my mind');
    expect(thrown?.events.map(({ name, attributes }) => [name, attributes?.['exception.message']])).toEqual([
      ['exception', 'changed my mind'],
    ]);
    expect(observatory.spansOf('Counter.add').filter(failed)).toHaveLength(1);
  });

  it('that queue up go in one append: a child of the first, linked to the others', async () => {
    const { actors } = await start(Counter);
    const counter = await actors.get('a');
    await Promise.all([1, 2, 3, 4, 5].map((n) => counter.add(n)));
    const [append, ...more] = observatory.spansOf('append Counter');
    expect(more).toEqual([]);
    const commands = observatory.spansOf('Counter.add').map((span) => span.spanContext().spanId);
    expect(
      new Set([append?.parentSpanContext?.spanId, ...(append?.links ?? []).map((link) => link.context.spanId)]),
    ).toEqual(new Set(commands));
    expect(append?.attributes).toMatchObject({
      'omniscient.stream.id': 'a',
      'omniscient.append.commits': 5,
      'omniscient.append.events': 5,
      'db.system.name': 'memory',
    });
    expect([
      await observatory.sum('omniscient.append.commits'),
      await observatory.sum('omniscient.append.events'),
    ]).toEqual([5, 5]);
    expect(await observatory.metric('omniscient.append.duration')).toEqual({ 'actor=Counter outcome=appended': 1 });
  });

  it('tell of conflicts, of being decided again, and of appends that are tried again', async () => {
    let refusals = 0;
    const held = gate();
    const late = await start(Counter, { weather: { hold: () => held.passed, refuse: () => refusals-- > 0 } });
    const quick = await start(Counter, { nodeId: 'quick' });
    const [here, there] = [await late.actors.get('a'), await quick.actors.get('a')];
    await there.add(5);
    await eventually(() => here.version === 1);
    const taking = here.take(1);
    await there.add(1);
    held.open();
    await taking;
    expect(await observatory.metric('omniscient.conflicts')).toEqual({ 'actor=Counter': 1 });
    expect(await observatory.metric('omniscient.command.reruns')).toEqual({ 'actor=Counter command=take': 1 });
    expect(observatory.spansOf('Counter.take')[0]?.events.map(({ name }) => name)).toEqual(['rerun']);
    refusals = 2;
    await here.add(1);
    expect(await observatory.metric('omniscient.append.retries')).toEqual({ 'actor=Counter': 2 });
    const retried = observatory.spansOf('append Counter').at(-1)?.events;
    expect(retried?.map(({ name, attributes }) => [name, attributes?.['error.type']])).toEqual([
      ['retry', 'ENGINE_UNAVAILABLE'],
      ['retry', 'ENGINE_UNAVAILABLE'],
    ]);
  });

  it('of another node fail there and here with the same error', async () => {
    const two = await start(Desk, { nodeId: 'two' });
    await (await two.actors.get('desk')).sell('somebody');
    const one = await start(Desk);
    observatory.forget();
    await expect((await one.actors.get('desk')).fail('type')).rejects.toThrow(TypeError);
    await eventually(() => observatory.spansOf('serve Desk.fail').length === 1);
    const [command, forward, serve] = ['Desk.fail', 'forward Desk.fail', 'serve Desk.fail'].map(
      (name) => observatory.spansOf(name)[0],
    );
    expect([command, serve].map((span) => span && failed(span))).toEqual([true, true]);
    expect([forward?.kind, forward?.attributes]).toMatchObject([
      SpanKind.CLIENT,
      { 'omniscient.leader.id': 'two', 'omniscient.outcome': 'failed' },
    ]);
    // Counted where it was given, once.
    const counted = await observatory.metric('omniscient.command.duration');
    expect(Object.entries(counted).filter(([key]) => key.includes('command=fail'))).toEqual([
      ['actor=Desk command=fail error.type=TypeError outcome=error', 1],
    ]);
    expect(await observatory.metric('omniscient.forward.duration')).toEqual({ 'actor=Desk outcome=failed': 1 });
  });
});

describe('reactions and projections', () => {
  it('that fail are told of, and what they park is counted once', async () => {
    @Projection({ name: 'orders' })
    class Orders {
      @EventHandler() ordered({ amount }: { amount: number }) {
        if (amount === 2) throw new RangeError('too much');
      }
    }
    failing.set('anna', () => {
      throw new TypeError('closed');
    });
    const { node, actors, also } = await start(Shop, { reactionTriesMax: 2 });
    also(Account);
    node.projections.add(Orders, new Orders());
    await node.begin();
    const shop = await actors.get('shop');
    await shop.order('anna', 1);
    await shop.order('berta', 2);
    await eventually(async () => (await node.parked.count()) === 2);
    await eventually(() => observatory.spansOf('Account.onOrdered').length === 3);
    expect(await observatory.metric('omniscient.parkings')).toEqual({
      'listener=Account.onOrdered': 1,
      'listener=orders.ordered': 1,
    });
    expect(await observatory.metric('omniscient.parked')).toEqual({ '': 2 });
    expect(observatory.spansOf('Account.onOrdered').filter(failed)).toHaveLength(2);
    expect(await observatory.metric('omniscient.projection.duration')).toEqual({
      'listener=ordered outcome=ok projection=orders': 1,
      'error.type=RangeError listener=ordered outcome=error projection=orders': 2,
    });
    const counted = await observatory.metric('omniscient.command.duration');
    expect(counted).toMatchObject({
      'actor=Account command=$react listener=onOrdered outcome=ok': 1,
      'actor=Account command=$react error.type=TypeError listener=onOrdered outcome=error': 2,
    });
  });

  it('on several nodes park an event once', async () => {
    const words = Array.from({ length: 20 }, (_, i) => `word-${i}`);
    for (const word of words)
      failing.set(word, () => {
        throw new Error('cannot hear');
      });
    // Slow enough that each node parks before it hears of the others.
    const options = { reactionTriesMax: 1, weather: { beforeMs: () => 20 } };
    const one = await start(Follower, options);
    const others = [
      await start(Follower, { ...options, nodeId: 'two' }),
      await start(Follower, { ...options, nodeId: 'three' }),
    ];
    const follower = await one.actors.get('follower');
    for (const { actors } of others) await actors.get('follower');
    await follower.follow('speaker');
    const speaker = await one.also(Speaker).get('speaker');
    for (const word of words) await speaker.say(word);
    const parked = () => (store.streams.get('follower') ?? []).filter(({ name }) => name === '$parked');
    await eventually(() => parked().length >= words.length, 20_000);
    await sleep(300);
    expect(parked().map(({ data }) => JSON.parse(data).event.data.word)).toEqual(words);
    expect(await observatory.metric('omniscient.parkings')).toEqual({ 'listener=Follower.onSaid': words.length });
  });

  it('pass on the trace of what they react to, also on a node that nobody observes', async () => {
    const { actors } = await start(Shop);
    const silent = await start(Account, { nodeId: 'silent', wanted: false });
    await silent.node.begin();
    await (await actors.get('shop')).order('anna', 1);
    await eventually(() => store.streams.get('anna')?.some(({ name }) => name === 'charged') ?? false);
    const ordered = metadataOf(store.streams.get('shop')?.find(({ name }) => name === 'ordered'));
    expect(metadataOf(store.streams.get('anna')?.[0]).traceparent).toBe(ordered.traceparent);
    expect(ordered.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(observatory.spans.map(({ attributes }) => attributes['omniscient.node.id'])).not.toContain('silent');
  });
});

describe('spans of the application', () => {
  const mark = (name: string) => trace.getTracer('application').startSpan(name).end();
  const parentOf = (name: string) => {
    const above = observatory.spansOf(name)[0]?.parentSpanContext?.spanId;
    return observatory.spans.find((span) => span.spanContext().spanId === above)?.name;
  };

  it('go below the command, and commands that are given in them below those', async () => {
    const { actors } = await start(Counter);
    const [a, b] = [await actors.get('a'), await actors.get('b')];
    const addThrough = () =>
      trace.getTracer('application').startActiveSpan('mine', async (span) => {
        await b.add(1);
        span.end();
      });
    await a.callBack({ addThrough });
    expect(['mine', 'Counter.add', 'Counter.callBack'].map(parentOf)).toEqual(['Counter.callBack', 'mine', undefined]);
  });

  it('go below reactions and projections, however the work on an event came about', async () => {
    @Projection({ name: 'orders' })
    class Orders {
      @EventHandler() async ordered() {
        await sleep(1);
        mark('in the projection');
      }
    }
    failing.set('anna', () => mark('in the reaction'));
    const { node, actors, also } = await start(Shop);
    also(Account);
    node.projections.add(Orders, new Orders());
    // What began here must not be taken for the parent of all that comes later.
    await trace.getTracer('application').startActiveSpan('beginning', async (span) => {
      await node.begin();
      span.end();
    });
    await (await actors.get('shop')).order('anna', 1);
    await eventually(() => observatory.spansOf('in the projection').length === 1);
    for (const name of ['Account.onOrdered', 'orders.ordered'])
      await eventually(() => observatory.spansOf(name).length === 1);
    expect(['in the reaction', 'in the projection', 'Account.onOrdered', 'orders.ordered'].map(parentOf)).toEqual([
      'Account.onOrdered',
      'orders.ordered',
      'Shop.order',
      'Shop.order',
    ]);
  });
});

describe('what a node is', () => {
  it('is told when metrics are collected: residents, leaderships, subscriptions, lag', async () => {
    const { node, actors, also } = await start(Shop);
    const desks = also(Desk);
    also(Account);
    await node.begin();
    const shop = await actors.get('shop');
    await actors.get('other shop');
    await (await desks.get('desk')).sell('anna');
    const subscription = node.subscriptions.all$().subscribe();
    await eventually(() => node.election.led.length === 1);
    expect(await observatory.metric('omniscient.residents')).toEqual({
      'actor=Shop': 2,
      'actor=Desk': 1,
      'actor=Account': 0,
    });
    expect(await observatory.metric('omniscient.leaderships')).toEqual({
      'actor=Desk': 1,
      'election=$listen-Account': 1,
    });
    expect(await observatory.metric('omniscient.subscriptions')).toEqual({ '': 1 });
    subscription.unsubscribe();
    expect(await observatory.metric('omniscient.subscriptions')).toEqual({ '': 0 });
    const lag = async () => (await observatory.metric('omniscient.lag'))['follower=$listen-Account'];
    await eventually(async () => (await lag()) === 0);
    failing.set('anna', () => {
      throw new Error('not yet');
    });
    await shop.order('anna', 1);
    for (let i = 0; i < 5; i += 1) await shop.order('berta', i);
    expect(await lag()).toBeGreaterThan(5);
    failing.clear();
    await node.stop();
    let asked = 0;
    Object.assign(node.parts.engine, { lastPosition: async () => ++asked });
    await observatory.metric('omniscient.lag');
    expect(asked).toBe(0);
  });

  it('tells how far behind the slowest subscriber to the whole store is', async () => {
    const { node, actors } = await start(Counter);
    const counter = await actors.get('a');
    for (let i = 0; i < 2_500; i += 100) await Promise.all(Array.from({ length: 100 }, () => counter.add(1)));
    const lags: Promise<Record<string, number>>[] = [];
    let seen = 0;
    const slow = node.subscriptions.all$().subscribe(() => {
      seen += 1;
      if (seen % 1_000 === 0) lags.push(observatory.metric('omniscient.lag'));
    });
    const idle = node.subscriptions.all$({ after: 2_500 }).subscribe();
    await eventually(() => seen === 2_500);
    // By when it is looked, a page more may have been handed over.
    const [first, second] = (await Promise.all(lags)).map((lag) => lag['follower=subscriptions'] as number);
    expect(first).toBeGreaterThanOrEqual(500);
    expect(first).toBeLessThanOrEqual(1_500);
    expect(second).toBeLessThanOrEqual(500);
    await eventually(async () => (await observatory.metric('omniscient.lag'))['follower=subscriptions'] === 0);
    slow.unsubscribe();
    idle.unsubscribe();
    expect(node.subscriptions.lag(2_500)).toBeUndefined();
  });

  it('tells how late each tick was, and how many there was no time for', async () => {
    const { actors } = await start(Metronome);
    const metronome = await actors.get('m');
    await metronome.begin(20, 4);
    await eventually(async () => (await observatory.metric('omniscient.tick.lateness'))['actor=Metronome'] === 4);
    expect(metronome.state.ticks).toEqual([1, 2, 3, 4]);
    expect(await observatory.sum('omniscient.tick.lateness')).toBeGreaterThan(0);
    expect(await observatory.sum('omniscient.tick.missed')).toBe(metronome.state.missed);
  });
});

describe('whether a node is observed', () => {
  it('is decided when it starts: not without an SDK, unless it is asked for; never when it is refused', async () => {
    expect(await loadTelemetry(undefined, 'one')).toBeDefined();
    expect(await loadTelemetry(false, 'one')).toBeUndefined();
    trace.disable();
    expect(await loadTelemetry(undefined, 'metrics alone')).toBeDefined();
    metrics.disable();
    expect(await loadTelemetry(undefined, 'neither')).toBeUndefined();
    expect(await loadTelemetry(true, 'neither')).toBeDefined();
    trace.setGlobalTracerProvider(new BasicTracerProvider());
    expect(await loadTelemetry(undefined, 'traces alone')).toBeDefined();
    await expect(loadTelemetry('yes' as never, 'one')).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it.each([
    ['only metrics are kept', () => trace.disable()],
    ['no SDK is registered, and it is asked for all the same', () => observatory.close()],
  ])('makes no difference to what is stored but for the trace: %s', async (_what, arrange) => {
    arrange();
    const { actors } = await start(Counter, { wanted: true });
    const counter = await actors.get('a');
    expect(await counter.add(2)).toBe(2);
    await expect(counter.addThenThrow(1)).rejects.toThrow('changed my mind');
    const { traceparent, ...metadata } = metadataOf(store.streams.get('a')?.[0]);
    expect(traceparent).toBeUndefined();
    expect(Object.keys(metadata)).toEqual(['at', 'actor', 'firedBy', 'commandId', 'correlationId', 'causationId']);
  });

  it('or is sampled: what a request led to is left out with it, also on other nodes and days later', async () => {
    const spans = new InMemorySpanExporter();
    const roots = { shouldSample: () => ({ decision: SamplingDecision.NOT_RECORD }), toString: () => 'no roots' };
    trace.disable();
    trace.setGlobalTracerProvider(
      new BasicTracerProvider({
        sampler: new ParentBasedSampler({ root: roots }),
        spanProcessors: [new SimpleSpanProcessor(spans)],
      }),
    );
    const { node, actors, also } = await start(Shop);
    also(Account);
    await node.begin();
    const shop = await actors.get('shop');
    await shop.order('anna', 1);
    const ordered = () => metadataOf(store.streams.get('shop')?.find(({ name }) => name === 'ordered'));
    expect(ordered().traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    // By then every new trace would be recorded.
    roots.shouldSample = () => ({ decision: SamplingDecision.RECORD_AND_SAMPLED });
    await eventually(() => store.streams.get('anna')?.some(({ name }) => name === 'charged') ?? false);
    expect(metadataOf(store.streams.get('anna')?.at(-1)).traceparent?.split('-')[1]).toBe(
      ordered().traceparent?.split('-')[1],
    );
    expect(spans.getFinishedSpans().map(({ name }) => name)).not.toContain('Account.onOrdered');
    await shop.order('berta', 1);
    await eventually(() => spans.getFinishedSpans().some(({ name }) => name === 'Account.onOrdered'));
  });

  it('or has no context manager: spans join all the same, through what the library itself knows', async () => {
    observatory.close();
    const spans = new InMemorySpanExporter();
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }));
    const { actors } = await start(Counter);
    const [a, b] = [await actors.get('a'), await actors.get('b')];
    await a.callBack({ addThrough: () => b.add(1) });
    const [called, calling] = ['Counter.add', 'Counter.callBack'].map((name) =>
      spans.getFinishedSpans().find((span) => span.name === name),
    );
    expect(called?.parentSpanContext?.spanId).toBe(calling?.spanContext().spanId);
  });
});
