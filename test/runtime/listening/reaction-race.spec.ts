import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, EventHandler, type Heard, ListenTo, LiveActor, type OnConflict } from 'omniscient-nest';
import { MemoryStore } from 'omniscient-nest/memory';
import type { Wake } from '../../../lib/engine/duties/follow.js';
import { defineActor } from '../../../lib/kernel/defining/actor-definition.js';
import { Runtime } from '../../../lib/runtime/node/runtime.js';
import { eventually } from '../../support/eventually.js';
import { Speaker, type SpeakerEvents } from '../../support/listeners.js';
import { silent, WeatheredEngine } from '../../support/runtime.js';
import { randomFrom, seedFor } from '../../support/seed.js';

interface OrderEvents {
  placed: object;
  confirmed: object;
  cancelled: object;
}
interface OrderState {
  listens: boolean;
  status: 'new' | 'placed' | 'confirmed' | 'cancelled';
}
type Said = Heard<SpeakerEvents, 'said'>;

/** Of a payment and a timeout that meet only one may count: each looks at the state first. */
abstract class Decides extends LiveActor<OrderState, OrderEvents> {
  initialState(): OrderState {
    return { listens: false, status: 'new' };
  }

  @Command() place() {
    this.fire('placed');
  }

  @EventHandler() placed() {
    Object.assign(this.state, { listens: true, status: 'placed' });
  }

  @EventHandler() confirmed() {
    this.state.status = 'confirmed';
  }

  @EventHandler() cancelled() {
    this.state.status = 'cancelled';
  }

  protected hearPayment() {
    if (this.state.status === 'placed') this.fire('confirmed');
  }

  protected async hearTimeout() {
    if (this.state.status === 'placed') this.fire('cancelled');
  }
}

const payments = (state: OrderState) => (state.listens ? 'payment' : undefined);
const timeouts = (state: OrderState) => (state.listens ? 'timeout' : undefined);

@Actor({ prefix: 'order-' })
class Order extends Decides {
  @ListenTo(payments) onPaid(_: Said) {
    this.hearPayment();
  }

  @ListenTo(timeouts) onTimeout(_: Said) {
    return this.hearTimeout();
  }
}

@Actor({ prefix: 'order-' })
class Rejecting extends Decides {
  @ListenTo(payments, { onConflict: 'reject' }) onPaid(_: Said) {
    this.hearPayment();
  }

  @ListenTo(timeouts, { onConflict: 'reject' }) onTimeout(_: Said) {
    return this.hearTimeout();
  }
}

@Actor({ prefix: 'order-' })
class InCode extends Decides {
  override onActivate() {
    this.listenTo('payment', () => this.hearPayment(), { name: 'paid' });
    this.listenTo('timeout', () => this.hearTimeout(), { name: 'timeout' });
  }
}

/** Keeps what was fired, whatever came in between. */
@Actor({ prefix: 'order-' })
class Reapplying extends Decides {
  @ListenTo(payments, { onConflict: 'reapply' }) onPaid(_: Said) {
    this.hearPayment();
  }

  @ListenTo(timeouts, { onConflict: 'reapply' }) onTimeout(_: Said) {
    return this.hearTimeout();
  }
}

@Actor({ prefix: 'order-' })
class ReapplyingInCode extends Decides {
  override onActivate() {
    const onConflict: OnConflict = 'reapply';
    this.listenTo('payment', () => this.hearPayment(), { name: 'paid', onConflict });
    this.listenTo('timeout', () => this.hearTimeout(), { name: 'timeout', onConflict });
  }
}

let store: MemoryStore;
let running: Runtime[] = [];
beforeEach(() => {
  store = new MemoryStore();
});
afterEach(async () => {
  await Promise.all(running.map((node) => node.stop()));
  running = [];
});

/** A node that hears late: of each event at another time than the others do. */
async function start(random: () => number) {
  class Late extends WeatheredEngine {
    override watchStream(streamId: string, wake: Wake) {
      if (streamId.startsWith('order-')) return super.watchStream(streamId, wake);
      return super.watchStream(streamId, () => void sleep(random() * 20).then(() => wake([])));
    }
  }
  const engine = new Late({ beforeMs: () => random() * 10, afterMs: () => random() * 2 }, store);
  const node = new Runtime({ engine, log: silent, reactionTriesMax: 1_000 });
  running.push(node);
  await node.start();
  return <A>(actorClass: new () => A) =>
    node.register(defineActor(actorClass as never), () => new actorClass() as never);
}

const decisions = (id: string) => {
  const events = store.streams.get(`order-${id}`) ?? [];
  return events.map(({ name }) => name).filter((name) => name === 'confirmed' || name === 'cancelled');
};

/** A payment and a timeout, said on two nodes at nearly the same time, of orders that are loaded on both. */
async function meet(kind: new () => Decides, seed: number, orders: number): Promise<string[][]> {
  const random = randomFrom(seed);
  const [here, there] = [await start(random), await start(random)];
  const ids = Array.from({ length: orders }, (_, i) => `${i}`);
  for (const id of ids) {
    const order = (await here(kind).get(id)) as unknown as { place(): Promise<void> };
    await order.place();
    await there(kind).get(id);
  }
  const say = async (at: typeof here, who: string) => {
    await sleep(random() * 3);
    await ((await at(Speaker).get(who)) as unknown as { say(word: string): Promise<void> }).say('now');
  };
  await Promise.all([say(here, 'payment'), say(there, 'timeout')]);
  await eventually(() => ids.every((id) => decisions(id).length > 0), 20_000);
  // Whatever is still on its way.
  await eventually(() => running.every((node) => node.atWork().length === 0), 20_000);
  return ids.map(decisions);
}

describe('a payment and a timeout that meet on two nodes', () => {
  const base = seedFor('reaction-race');

  it.each([
    ['decided by methods', Order],
    ['decided in code', InCode],
    ["with onConflict: 'reject'", Rejecting],
  ])('never both count: %s', async (_, kind) => {
    for (let round = 0; round < 6; round += 1) {
      const seed = base + round;
      store = new MemoryStore();
      const all = await meet(kind, seed, 12);
      expect({ seed, both: all.filter((each) => each.length !== 1) }).toEqual({ seed, both: [] });
      await Promise.all(running.splice(0).map((node) => node.stop()));
    }
  });

  it.each([
    ['of methods', Reapplying],
    ['in code', ReapplyingInCode],
  ])("may both count with onConflict: 'reapply' %s, which keeps what was fired", async (_, kind) => {
    let both = 0;
    for (let round = 0; both === 0 && round < 50; round += 1) {
      store = new MemoryStore();
      const all = await meet(kind, base + round, 12);
      both += all.filter((each) => each.length === 2).length;
      await Promise.all(running.splice(0).map((node) => node.stop()));
    }
    expect(both).toBeGreaterThan(0);
  });
});

describe("a listener's onConflict", () => {
  it('is one of three', () => {
    @Actor()
    class Wrong extends Decides {
      @ListenTo(payments, { onConflict: 'retry' as never }) onPaid(_: Said) {}
    }
    expect(() => defineActor(Wrong as never)).toThrow(
      "'onConflict' must be 'reapply', 'rerun' or 'reject', but is retry",
    );
  });
});
