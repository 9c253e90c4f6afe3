import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import { config, type Subscription, take } from 'rxjs';
import { READ_PAGE_EVENTS_MAX } from '../../../lib/engine/duties/read.js';
import type { StoredEvent } from '../../../lib/kernel/values/event.js';
import { Runtime } from '../../../lib/runtime/node/runtime.js';
import { eventually } from '../../support/eventually.js';
import { silent } from '../../support/runtime.js';
import { randomFrom, seedFor } from '../../support/seed.js';

/** Counts what it reads. */
class CountingEngine extends MemoryEngine {
  read = 0;

  override async readAll(...args: Parameters<MemoryEngine['readAll']>) {
    const page = await super.readAll(...args);
    this.read += page.events.length;
    return page;
  }
}

let store: MemoryStore;
let engine: CountingEngine;
let node: Runtime;
const thrown: unknown[] = [];

beforeEach(async () => {
  store = new MemoryStore();
  engine = new CountingEngine({ store });
  node = new Runtime({ engine, log: silent });
  await node.start();
  thrown.length = 0;
  // As the module does.
  config.onUnhandledError = (error) => thrown.push(error);
});
afterEach(async () => {
  config.onUnhandledError = null;
  await node.stop();
});

async function append(count: number, streamId = 's', name = 'said'): Promise<void> {
  const events = Array.from({ length: count }, (_, i) => ({
    id: `${streamId}-${store.all.length + i}`,
    name,
    data: '{}',
    metadata: '{}',
  }));
  await engine.append({ streamId, expectedVersion: 'any', events });
}

const positions = (events: readonly StoredEvent[]) => events.map(({ position }) => position);
const upTo = (count: number, from = 1) => Array.from({ length: count }, (_, i) => from + i);

describe('many subscribers', () => {
  it('one that throws goes on, and so do the others', async () => {
    const seen: [StoredEvent[], StoredEvent[]] = [[], []];
    node.subscriptions.all$().subscribe((event) => {
      seen[0].push(event);
      throw new Error(`on ${event.position}`);
    });
    node.subscriptions.all$().subscribe((event) => seen[1].push(event));
    await append(5);
    await sleep(5);
    await append(5);
    await eventually(() => seen[0].length === 10 && seen[1].length === 10);
    expect(seen.map(positions)).toEqual([upTo(10), upTo(10)]);
    await eventually(() => thrown.length === 10);
  });

  it('some that unsubscribe in the middle, themselves or each other, get nothing after that', async () => {
    await append(3_000);
    const seen = new Map<string, number[]>(['one', 'self', 'other', 'victim'].map((name) => [name, []]));
    const push = (name: string, { position }: StoredEvent) => seen.get(name)?.push(position as number);
    node.subscriptions
      .all$()
      .pipe(take(1))
      .subscribe((event) => push('one', event));
    const self = node.subscriptions.all$().subscribe((event) => {
      push('self', event);
      if (event.position === 1_500) self.unsubscribe();
    });
    const victim: Subscription = node.subscriptions.named$(['said']).subscribe((event) => push('victim', event));
    node.subscriptions.all$().subscribe((event) => {
      push('other', event);
      if (event.position === 2_000) victim.unsubscribe();
    });
    await eventually(() => seen.get('other')?.length === 3_000);
    await append(10);
    await eventually(() => seen.get('other')?.length === 3_010);
    expect(seen.get('one')).toEqual([1]);
    expect(seen.get('self')).toEqual(upTo(1_500));
    expect(seen.get('other')).toEqual(upTo(3_010));
    const victims = seen.get('victim') ?? [];
    expect(victims).toEqual(upTo(victims.length));
    expect(victims.length).toBeLessThanOrEqual(3_000);
  });

  it('a hundred at once, from where each likes, while two nodes write, and nothing is left of them', async () => {
    const random = randomFrom(seedFor('subscriptions'));
    const other = new Runtime({ engine: new MemoryEngine({ store }), log: silent });
    await other.start();
    await append(500, 'a');
    const subscribers = upTo(100).map((i) => {
      const seen: StoredEvent[] = [];
      const after = Math.floor(random() * 400);
      const kind = i % 3;
      const { subscriptions } = i % 2 ? node : other;
      const events =
        kind === 0
          ? subscriptions.all$({ after })
          : kind === 1
            ? subscriptions.named$(['rare'], { after })
            : subscriptions.stream$('a', { after });
      return { kind, after, seen, subscription: events.subscribe((event) => seen.push(event)) };
    });
    for (let i = 0; i < 100; i += 1) {
      await append(1 + Math.floor(random() * 9), random() < 0.5 ? 'a' : 'b', random() < 0.2 ? 'rare' : 'said');
      if (random() < 0.3) await sleep(1);
    }
    const owed = ({ kind, after }: { kind: number; after: number }) =>
      store.all.filter(({ position, version, name, streamId }) => {
        if (kind === 2) return streamId === 'a' && version > after;
        return position > after && (kind === 0 || name === 'rare');
      });
    await eventually(() => subscribers.every((each) => each.seen.length >= owed(each).length));
    for (const each of subscribers) {
      expect(each.seen.map(({ id }) => id)).toEqual(owed(each).map(({ id }) => id));
      each.subscription.unsubscribe();
    }
    await eventually(() => store.wakes.size === 0);
    await other.stop();
  });
});

describe('a slow reader', () => {
  it('that is ten thousand events behind holds one page, delays nobody, and misses nothing', async () => {
    await append(10_000);
    const slow = node.subscriptions.all$()[Symbol.asyncIterator]();
    expect((await slow.next()).value).toMatchObject({ position: 1 });
    await sleep(50);
    expect(engine.read).toBe(READ_PAGE_EVENTS_MAX);
    let fast = 0;
    node.subscriptions.all$().subscribe(() => (fast += 1));
    await eventually(() => fast === 10_000);
    expect(engine.read).toBe(10_000 + READ_PAGE_EVENTS_MAX);
    await append(3);
    for (const position of upTo(10_002, 2)) expect((await slow.next()).value?.position).toBe(position);
    const waits = slow.next();
    await append(1);
    expect((await waits).value).toMatchObject({ position: 10_004 });
  });

  it('frees everything when it leaves, also while it waits, and comes to its end on shutdown', async () => {
    await append(3);
    const seen: StoredEvent[] = [];
    for await (const event of node.subscriptions.stream$('s', { after: 1 })) {
      seen.push(event);
      if (event.version === 3) break;
    }
    expect(seen.map(({ version }) => version)).toEqual([2, 3]);
    const waiting = node.subscriptions.named$(['never'])[Symbol.asyncIterator]();
    const next = waiting.next();
    await sleep(5);
    await waiting.return?.();
    expect(await next).toEqual({ done: true, value: undefined });
    await eventually(() => store.wakes.size === 0 && node.subscriptions.size === 0);
    const ends = node.subscriptions.all$({ after: 3 })[Symbol.asyncIterator]().next();
    await node.stop();
    expect(await ends).toEqual({ done: true, value: undefined });
  });
});
