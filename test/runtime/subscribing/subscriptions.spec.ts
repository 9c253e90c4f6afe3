import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { MemoryStore } from 'omniscient-nest/memory';
import { firstValueFrom, take, toArray } from 'rxjs';
import { Counter } from '../../support/actors.js';
import { eventually } from '../../support/eventually.js';
import { startNode, WeatheredEngine } from '../../support/runtime.js';

async function twoNodes() {
  const store = new MemoryStore();
  const one = await startNode(Counter, { engine: new WeatheredEngine({}, store), nodeId: 'one' });
  const two = await startNode(Counter, { engine: new WeatheredEngine({}, store), nodeId: 'two' });
  return { one, two, stop: () => Promise.all([one.node.stop(), two.node.stop()]), store };
}

describe('EventSubscriptions', () => {
  it('stream$ gives history, then what any node stores, once and in order; after resumes', async () => {
    const { one, two, stop } = await twoNodes();
    const [a, b] = [await one.actors.get('x'), await two.actors.get('x')];
    await a.add(1);
    const all = firstValueFrom(one.node.subscriptions.stream$('x').pipe(take(30), toArray()));
    const late = firstValueFrom(two.node.subscriptions.stream$('x', { after: 10 }).pipe(take(20), toArray()));
    await Promise.all(Array.from({ length: 29 }, (_, i) => (i % 2 ? a : b).add(1)));
    expect((await all).map(({ version }) => version)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect((await late).map(({ version }) => version)).toEqual(Array.from({ length: 20 }, (_, i) => i + 11));
    await stop();
  });

  it('all$ and named$ give every stream in order of position, to resume from', async () => {
    const { one, two, stop } = await twoNodes();
    await (await one.actors.get('x')).add(1);
    await (await two.actors.get('y')).note('hello');
    const live = firstValueFrom(two.node.subscriptions.named$(['noted']).pipe(take(2), toArray()));
    await sleep(2);
    await (await one.actors.get('z')).note('again');
    expect((await live).map(({ streamId, data }) => [streamId, data])).toEqual([
      ['y', { text: 'hello' }],
      ['z', { text: 'again' }],
    ]);
    const all = await firstValueFrom(one.node.subscriptions.all$().pipe(take(3), toArray()));
    const positions = all.map(({ position }) => position ?? 0);
    expect([...positions].sort((p, q) => p - q)).toEqual(positions);
    const rest = await firstValueFrom(
      one.node.subscriptions.all$({ after: positions[0] as number }).pipe(take(2), toArray()),
    );
    expect(rest).toEqual(all.slice(1));
    await stop();
  });

  it('is cold: each subscriber gets all; unsubscribing in the middle frees everything', async () => {
    const { one, stop, store } = await twoNodes();
    const counter = await one.actors.get('x');
    await Promise.all(Array.from({ length: 50 }, () => counter.add(1)));
    const events$ = one.node.subscriptions.stream$('x');
    const seen = [0, 0, 0];
    const subscriptions = seen.map((_, i) =>
      events$.subscribe(({ version }) => {
        seen[i] = version;
        if (i === 1 && version === 20) subscriptions[1]?.unsubscribe();
      }),
    );
    await eventually(() => seen.every((version, i) => version >= (i === 1 ? 20 : 50)));
    await sleep(5);
    expect(seen).toEqual([50, 20, 50]);
    for (const subscription of subscriptions) subscription.unsubscribe();
    counter.release();
    await eventually(() => store.wakes.size === 0);
    await stop();
  });

  it('completes on shutdown, and refuses a place that is none', async () => {
    const { one, stop } = await twoNodes();
    const done = firstValueFrom(one.node.subscriptions.all$().pipe(toArray()));
    const error = await firstValueFrom(one.node.subscriptions.all$({ after: -1 })).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'INVALID_AFTER' });
    await stop();
    expect(await done).toEqual([]);
  });

  it('an event is parsed once for all who get it at the same time', async () => {
    const { one, stop } = await twoNodes();
    const counter = await one.actors.get('x');
    await counter.add(1);
    const seen: unknown[][] = [[], [], []];
    const subscriptions = [
      one.node.subscriptions.stream$('x').subscribe((event) => seen[0]?.push(event)),
      one.node.subscriptions.stream$('x').subscribe((event) => seen[1]?.push(event)),
      one.node.subscriptions.all$().subscribe((event) => seen[2]?.push(event)),
    ];
    await eventually(() => seen.every(({ length }) => length >= 1));
    await counter.add(1);
    await eventually(() => seen.every(({ length }) => length >= 2));
    await sleep(5);
    for (const subscription of subscriptions) subscription.unsubscribe();
    expect(seen.map((events) => events.length)).toEqual([2, 2, 2]);
    expect(seen[1]?.[0]).toBe(seen[0]?.[0]);
    expect(seen[1]?.[1]).toBe(seen[0]?.[1]);
    expect(Object.isFrozen(seen[0]?.[1])).toBe(true);
    // Another question to the engine: these bear positions.
    expect(seen[2]?.[1]).toMatchObject({ version: 2, position: 2 });
    await stop();
  });
});
