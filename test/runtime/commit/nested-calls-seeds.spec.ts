import { describe, expect, it } from '@jest/globals';
import { Actor, type ActorRepository, Command, EventHandler, ListenTo, LiveActor, OneActor } from 'omniscient-nest';
import { MemoryStore } from 'omniscient-nest/memory';
import type { ActorBase, ActorClass } from '../../../lib/kernel/declaring/actor.js';
import { defineActor } from '../../../lib/kernel/defining/actor-definition.js';
import { Runtime } from '../../../lib/runtime/node/runtime.js';
import { LateMailEngine } from '../../support/late-mail.js';
import { silent } from '../../support/runtime.js';
import { seedFor } from '../../support/seed.js';
import { VirtualEnvironment } from '../../support/virtual-environment.js';

const SEEDS = 60;

interface Stock {
  take(tag: string): Promise<number | undefined>;
}

type StockEvents = { taken: { tag: string; n: number } };

@Actor({ prefix: 'stock/' })
class LiveStock extends LiveActor<{ count: number }, StockEvents> {
  initialState() {
    return { count: 0 };
  }
  @Command() take(tag: string): number {
    const n = this.state.count + 1;
    this.fire('taken', { tag, n });
    return n;
  }
  @EventHandler() taken(): void {
    this.state.count += 1;
  }
}

@Actor({ prefix: 'stock/' })
class OneStock extends OneActor<{ count: number }, StockEvents> {
  initialState() {
    return { count: 0 };
  }
  @Command() async take(tag: string): Promise<number> {
    await Promise.resolve();
    const n = this.state.count + 1;
    this.fire('taken', { tag, n });
    return n;
  }
  @EventHandler() taken(): void {
    this.state.count += 1;
  }
}

/** Neither a handler nor a stored answer shows that another has taken the same. */
@Actor({ prefix: 'stock/' })
class BlindStock extends LiveActor<object, StockEvents> {
  initialState() {
    return {};
  }
  @Command() async take(tag: string): Promise<void> {
    await Promise.resolve();
    this.fire('taken', { tag, n: 0 });
  }
}

const STOCKS = { live: LiveStock, one: OneStock, blind: BlindStock };
type Kind = keyof typeof STOCKS;

/** Whom the actors of a node call. */
const stockOf = new WeakMap<object, () => Promise<Stock>>();

type CallerEvents = { done: { tag: string; n: number }; begun: object };

@Actor()
class Source extends LiveActor<object, { said: { tag: string } }> {
  initialState() {
    return {};
  }
  @Command() say(tag: string): void {
    this.fire('said', { tag });
  }
}

@Actor()
class Listener extends LiveActor<{ done: number }, CallerEvents> {
  initialState() {
    return { done: 0 };
  }
  @ListenTo(() => 'source', { events: ['said'] })
  async onSaid({ data }: { data: { tag: string } }): Promise<void> {
    const stock = (await stockOf.get(this)?.()) as Stock;
    const n = (await stock.take(data.tag)) ?? 0;
    this.fire('done', { tag: data.tag, n });
  }
  @EventHandler() done(): void {
    this.state.done += 1;
  }
}

@Actor()
class Rerunner extends LiveActor<{ done: number }, CallerEvents> {
  initialState() {
    return { done: 0 };
  }
  @Command({ onConflict: 'rerun' }) async call(tag: string): Promise<number> {
    const stock = (await stockOf.get(this)?.()) as Stock;
    const n = (await stock.take(tag)) ?? 0;
    this.fire('done', { tag, n });
    return n;
  }
  @EventHandler() done(): void {
    this.state.done += 1;
  }
}

@Actor()
class Seller extends OneActor<{ done: number }, CallerEvents> {
  initialState() {
    return { done: 0 };
  }
  @Command() async call(tag: string): Promise<number> {
    const stock = (await stockOf.get(this)?.()) as Stock;
    const n = (await stock.take(tag)) ?? 0;
    this.fire('done', { tag, n });
    return n;
  }
  @EventHandler() done(): void {
    this.state.done += 1;
  }
}

interface Node {
  readonly runtime: Runtime;
  readonly engine: LateMailEngine;
  readonly source: ActorRepository<Source>;
  readonly rerunner: ActorRepository<Rerunner>;
  readonly seller: ActorRepository<Seller>;
}

/** Lets time pass until this is done. */
async function inTime(world: VirtualEnvironment, work: Promise<unknown>): Promise<void> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  work.then(over, over);
  await world.run(() => isOver);
  await work;
}

async function startNode(world: VirtualEnvironment, store: MemoryStore, nodeId: string, kind: Kind): Promise<Node> {
  const mischief = { lost: 0.02, doubled: 0.1, late: 0.1, lateMsMax: 3_000, refused: 0.03, unanswered: 0.05 };
  const engine = new LateMailEngine(store, world, mischief);
  const limits = { heartbeatTimeoutMs: 400, leaderTimeoutMs: 900, commitTimeoutMs: 3_000, shutdownTimeoutMs: 100 };
  const runtime = new Runtime({ engine, nodeId, environment: world, log: silent, reactionTriesMax: 20, ...limits });
  await runtime.start();
  const stocks = runtime.register(defineActor(STOCKS[kind] as ActorClass), () => new STOCKS[kind]());
  const register = <A extends ActorBase<object, object>>(actorClass: new () => A) =>
    runtime.register<A>(defineActor(actorClass as ActorClass), () => {
      const made = new actorClass();
      stockOf.set(made, async () => (await stocks.get('s')) as unknown as Stock);
      return made;
    });
  const listener = register(Listener);
  const node = { runtime, engine, source: register(Source), rerunner: register(Rerunner), seller: register(Seller) };
  // It begins to listen with its first event.
  const ref = await listener.get('listener');
  for (let isStored = false; !isStored; ) {
    isStored = await ref.fire('begun').then(
      () => true,
      () => false,
    );
  }
  return node;
}

/** What three nodes, some of which are frozen or killed, make of thirty calls that have to be made once. */
async function runSeed(seed: number, kind: Kind) {
  const world = new VirtualEnvironment(seed);
  const { random } = world;
  const store = new MemoryStore();
  const nodes: Node[] = [];
  const start = async (at: number) => {
    nodes[at] = await startNode(world, store, `n${at}`, kind);
  };
  for (const at of [0, 1, 2]) await inTime(world, start(at));
  const answered = new Map<string, number>();
  const said: string[] = [];
  const give = async (tag: string) => {
    const node = nodes[Math.floor(random() * 3)] as Node;
    const dice = random();
    try {
      if (dice < 0.4) {
        await (await node.source.get('source')).say(tag);
        said.push(tag);
      } else if (dice < 0.7) answered.set(tag, await (await node.rerunner.get('r')).call(tag));
      else answered.set(tag, await (await node.seller.get('d')).call(tag));
    } catch {
      // It may be stored or not, but not twice.
    }
  };
  const listenedTo = () => new Set(eventsOf(store, 'listener', 'done').map(({ tag }) => tag));
  const course = async () => {
    const given: Promise<unknown>[] = [];
    for (let c = 1; c <= 30; c += 1) {
      given.push(give(`t${c}`));
      const at = Math.floor(random() * 3);
      const { engine } = nodes[at] as Node;
      const forMs = random() * 1_500;
      if (random() < 0.08) engine.beatsFromMs = world.monotonicMs() + forMs;
      if (random() < 0.08) engine.mailFromMs = world.monotonicMs() + forMs;
      engine.appendMsMax = random() < 0.3 ? 300 : 5;
      if (random() < 0.04) {
        engine.isKilled = true;
        await start(at);
      }
      await world.sleep(random() * 60);
    }
    await Promise.race([Promise.all(given), world.sleep(20_000)]);
    for (let waited = 0; waited < 60 && said.some((tag) => !listenedTo().has(tag)); waited += 1) await world.sleep(500);
  };
  await inTime(world, course());
  const faults: string[] = [];
  const taken = new Map<string, number[]>();
  for (const { tag, n } of eventsOf(store, 'stock/s', 'taken')) taken.set(tag, [...(taken.get(tag) ?? []), n]);
  for (const [tag, ns] of taken) if (ns.length > 1) faults.push(`${tag} was taken ${ns.length} times`);
  for (const stream of ['listener', 'r', 'd']) {
    for (const { tag, n } of eventsOf(store, stream, 'done')) {
      if (taken.get(tag)?.[0] !== n) faults.push(`${stream} was told ${n} for ${tag}, which is ${taken.get(tag)}`);
    }
  }
  for (const [tag, n] of answered) if (taken.get(tag)?.[0] !== n) faults.push(`${tag} was answered with ${n}`);
  for (const tag of said) if (!listenedTo().has(tag)) faults.push(`${tag} was not heard`);
  await inTime(world, Promise.all(nodes.map(({ runtime }) => runtime.stop())));
  return { faults, answered: answered.size, said: said.length };
}

function eventsOf(store: MemoryStore, stream: string, event: string): { tag: string; n: number }[] {
  const events = (store.streams.get(stream) ?? []).filter(({ name }) => name === event);
  return events.map(({ data }) => JSON.parse(data) as { tag: string; n: number });
}

describe('what a command asks of other actors', () => {
  it.each(Object.keys(STOCKS) as Kind[])(
    `is done once, however often it is run again, and answered with the same: ${SEEDS} seeds (%s)`,
    async (kind) => {
      const first = seedFor(`nested-calls (${kind})`);
      const failed: string[] = [];
      let [answered, said] = [0, 0];
      for (let seed = first; seed < first + SEEDS; seed += 1) {
        const course = await runSeed(seed, kind);
        answered += course.answered;
        said += course.said;
        if (course.faults.length > 0) failed.push(`seed ${seed}: ${course.faults.join('; ')}`);
      }
      expect(failed).toEqual([]);
      expect(answered).toBeGreaterThan(8 * SEEDS);
      expect(said).toBeGreaterThan(5 * SEEDS);
    },
    600_000,
  );
});
