import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, type ActorRef, Command, EventHandler, ListenTo, LiveActor } from 'omniscient-nest';
import type { EventRecord } from '../../../lib/kernel/values/event.js';
import { isDerivedId } from '../../../lib/runtime/events/derived-ids.js';
import { eventually } from '../../support/eventually.js';
import { MemoryCluster } from '../../support/memory-cluster.js';

let cluster: MemoryCluster;
let gates: (() => Promise<void>) | undefined;
let stocks: (id: string) => Promise<ActorRef<Stock>>;
const seen: unknown[] = [];

class Receipt {
  constructor(readonly n: number) {}
}

@Actor()
class Stock extends LiveActor<{ count: number; open: boolean }, { taken: { n: number }; opened: object }> {
  initialState() {
    return { count: 0, open: true };
  }
  @Command() look(): number {
    return this.state.count;
  }
  @Command() take(_what?: string): number[] {
    if (!this.state.open) throw new Error('closed');
    this.fire('taken', { n: this.state.count + 1 });
    return [this.state.count];
  }
  @Command() async takeInParts(): Promise<void> {
    this.fire('taken', { n: this.state.count + 1 });
    await this.commit();
    this.fire('taken', { n: this.state.count + 1 });
  }
  @Command() receive(): Receipt {
    this.fire('taken', { n: this.state.count + 1 });
    return new Receipt(this.state.count);
  }
  @Command() close(): void {
    this.fire('opened', { open: false });
  }
  @Command() open(): void {
    this.fire('opened', { open: true });
  }
  @EventHandler() taken(): void {
    this.state.count += 1;
  }
  @EventHandler() opened({ open }: { open?: boolean }): void {
    this.state.open = open === true;
  }
}

@Actor()
class Buyer extends LiveActor<{ bought: number[] }, { bought: { n: number }; failed: object }> {
  initialState() {
    return { bought: [] as number[] };
  }

  /** Reads, changes, spoils the answer, and waits for others to be first. */
  @Command({ onConflict: 'rerun' }) async buy(): Promise<void> {
    const stock = await stocks('s');
    const left = await stock.look();
    const taken = await stock.take();
    seen.push({ left, taken: [...taken] });
    taken.pop();
    await gates?.();
    this.fire('bought', { n: taken.length });
  }

  @Command({ onConflict: 'rerun' }) async buyAsMany(): Promise<void> {
    const stock = await stocks('s');
    await stock.take(`with ${this.state.bought.length}`);
    await stock.take(`with ${this.state.bought.length}`);
    await gates?.();
    this.fire('bought', { n: 0 });
  }

  @Command({ onConflict: 'rerun' }) async tryToBuy(): Promise<string> {
    const outcome = await (await stocks('s')).take().then(
      () => 'taken',
      () => 'refused',
    );
    await gates?.();
    this.fire('bought', { n: 0 });
    return outcome;
  }

  @Command() async payThenFail(): Promise<void> {
    await (await stocks('s')).take();
    if (gates) throw new Error('once more');
    this.fire('bought', { n: 1 });
  }

  @Command() justBuy(): void {
    this.fire('bought', { n: 1 });
  }

  @EventHandler() bought({ n }: { n: number }): void {
    this.state.bought.push(n);
  }
}

/** Its reaction fails until the spec lets it pass. */
@Actor()
class Reader extends LiveActor<object, { done: object; begun: object }> {
  initialState() {
    return {};
  }
  @ListenTo(() => 'news', { events: ['bought'] })
  async onBought(): Promise<void> {
    const stock = await stocks('s');
    seen.push(
      this.id === 'odd' ? await stock.receive() : this.id === 'parts' ? await stock.takeInParts() : await stock.take(),
    );
    if (gates) throw new Error('once more');
    this.fire('done', {});
  }
}

beforeEach(() => {
  cluster = new MemoryCluster();
  gates = undefined;
  seen.length = 0;
});
afterEach(() => cluster.stop());

/** A node, and a second one with the same buyer, which is first as often as the spec says. */
async function startBuyers(overtakenTimes: number, reactionTriesMax = 2) {
  const [a, b] = [await cluster.start({ nodeId: 'a', reactionTriesMax }), await cluster.start({ nodeId: 'b' })];
  const stock = a.actors(Stock);
  stocks = (id) => stock.get(id);
  const buyer = await a.actors(Buyer).get('buyer');
  const rival = await b.actors(Buyer).get('buyer');
  let left = overtakenTimes;
  // What the rival does is no call of the buyer's.
  const outside = AsyncLocalStorage.snapshot();
  gates = async () => {
    if (left === 0) return;
    left -= 1;
    const { version } = buyer;
    await outside(() => rival.justBuy());
    await eventually(() => buyer.version > version);
  };
  return { a, buyer, stock: await stock.get('s') };
}

const stored = (id: string, name: string) =>
  (cluster.store.streams.get(id) ?? []).filter((event) => event.name === name) as EventRecord[];
const metadataOf = ({ metadata }: EventRecord) =>
  JSON.parse(metadata) as { commandId: string; causationId: string | null; correlationId: string };

describe('a command that is run again', () => {
  it('is told by others what it was told before, as it was, and makes no call twice', async () => {
    const { buyer } = await startBuyers(2);
    await buyer.buy();
    expect(seen).toEqual(Array.from({ length: 3 }, () => ({ left: 0, taken: [1] })));
    expect(stored('s', 'taken')).toHaveLength(1);
  });

  it('has calls with ids of their own, which say who made them', async () => {
    const { buyer } = await startBuyers(1);
    await buyer.buy();
    const [taken] = stored('s', 'taken').map(metadataOf);
    const bought = stored('buyer', 'bought').map(metadataOf);
    const own = bought.find(({ commandId }) => commandId === taken?.causationId);
    expect(own).toBeDefined();
    expect(taken?.correlationId).toBe(own?.correlationId);
    expect(isDerivedId(taken?.commandId ?? '')).toBe(true);
    expect(isDerivedId(own?.commandId ?? '')).toBe(false);
  });

  it('makes a call that it makes in another way, which is another call', async () => {
    const { buyer } = await startBuyers(1);
    await buyer.buyAsMany();
    const ids = stored('s', 'taken').map((event) => metadataOf(event).commandId);
    expect(new Set(ids).size).toBe(4);
  });

  it('makes a call again that failed', async () => {
    const { buyer, stock } = await startBuyers(0);
    await stock.close();
    let isFirst = true;
    const rival = await (await cluster.start({ nodeId: 'c' })).actors(Buyer).get('buyer');
    gates = async () => {
      if (!isFirst) return;
      isFirst = false;
      await stock.open();
      const { version } = buyer;
      await rival.justBuy();
      await eventually(() => buyer.version > version);
    };
    expect(await buyer.tryToBuy()).toBe('taken');
    expect(stored('s', 'taken')).toHaveLength(1);
  });

  it('with an idempotency key, asks others once, whoever gives it again', async () => {
    const { buyer } = await startBuyers(0);
    await expect(buyer.once('k').payThenFail()).rejects.toThrow('once more');
    gates = undefined;
    await buyer.once('k').payThenFail();
    await buyer.once('another').payThenFail();
    expect(stored('s', 'taken')).toHaveLength(2);
  });
});

describe('a reaction that is tried again', () => {
  /** An event is heard by an actor whose first tries fail. */
  async function hear(id: string, triesMax = 100) {
    const { a } = await startBuyers(0, triesMax);
    const reader = await a.actors(Reader).get(id);
    // It begins to listen with its first event.
    await reader.fire('begun');
    const news = await a.actors(Buyer).get('news');
    await news.justBuy();
    return { reader };
  }

  it('gets what the called actor has stored as its answer', async () => {
    await hear('plain');
    await eventually(() => seen.length > 1);
    gates = undefined;
    await eventually(() => stored('plain', 'done').length === 1);
    expect(seen.slice(0, 2)).toEqual([[1], [1]]);
    expect(stored('s', 'taken')).toHaveLength(1);
  });

  it('gets no answer where there was none, also of what was stored in parts', async () => {
    await hear('parts');
    await eventually(() => seen.length > 1);
    gates = undefined;
    await eventually(() => stored('parts', 'done').length === 1);
    expect(stored('s', 'taken')).toHaveLength(2);
  });

  it('is told, not given a wrong one, when the answer was no plain data', async () => {
    await hear('odd', 2);
    await eventually(() => stored('odd', '$parked').length === 1);
    expect(seen).toEqual([new Receipt(1)]);
    expect(stored('odd', '$parked')[0]?.data).toContain('ANSWER_LOST');
    expect(stored('s', 'taken')).toHaveLength(1);
  });
});
