import { Actor, Command, EventHandler, type Heard, ListenTo, LiveActor, OneActor } from 'omniscient-nest';
import type { CourseEnd, SimulationOptions } from 'omniscient-nest/testing';
import { hastyLimits } from './hasty-limits.js';

interface OrderEvents {
  ordered: { book: string };
  cancelled: object;
}

/** What the others listen to. */
@Actor()
export class Order extends LiveActor<{ count: number }, OrderEvents> {
  initialState() {
    return { count: 0 };
  }

  @Command() order(book: string) {
    this.fire('ordered', { book });
  }

  @Command() cancel() {
    this.fire('cancelled');
  }

  @EventHandler() ordered() {
    this.state.count += 1;
  }

  @EventHandler() cancelled() {
    this.state.count = 0;
  }
}

interface Booked {
  booked: { cause: string };
}

/** Hears names, wherever they are said; called to life by its dispatcher. */
@Actor({ prefix: 'book-' })
export class Book extends LiveActor<{ causes: string[] }, Booked> {
  initialState() {
    return { causes: [] as string[] };
  }

  @Command() note() {
    this.fire('booked', { cause: 'nobody' });
  }

  @ListenTo<OrderEvents, 'ordered'>({ events: ['ordered'], from: 0, to: ({ data }) => data.book })
  onOrdered({ id }: Heard<OrderEvents, 'ordered'>) {
    this.fire('booked', { cause: id });
  }

  @EventHandler() booked({ cause }: Booked['booked']) {
    this.state.causes.push(cause);
  }
}

/** The same, led by one node. */
@Actor({ prefix: 'ledger-' })
export class LedBook extends OneActor<{ causes: string[] }, Booked> {
  initialState() {
    return { causes: [] as string[] };
  }

  @ListenTo<OrderEvents, 'ordered'>({ events: ['ordered'], from: 0, to: ({ data }) => data.book })
  onOrdered({ id }: Heard<OrderEvents, 'ordered'>) {
    this.fire('booked', { cause: id });
  }

  @EventHandler() booked({ cause }: Booked['booked']) {
    this.state.causes.push(cause);
  }
}

interface WatcherState {
  orders: string[];
  noticed: Record<string, number>;
}

interface WatcherEvents {
  watched: { order: string };
  left: { order: string };
  noticed: { cause: string; order: string };
  answered: { cause: string };
}

/** Listens to what its state says, and from code. */
@Actor({ prefix: 'watcher-' })
export class Watcher extends LiveActor<WatcherState, WatcherEvents> {
  initialState(): WatcherState {
    return { orders: [], noticed: {} };
  }

  @Command({ onConflict: 'rerun' }) watch(order: string) {
    if (!this.state.orders.includes(order)) this.fire('watched', { order });
  }

  @Command({ onConflict: 'rerun' }) leave(order: string) {
    if (this.state.orders.includes(order)) this.fire('left', { order });
  }

  /** Hears the next event of that order, or two; once, under this name. */
  @Command() ask(order: string, name: string, count: number) {
    this.listenTo(order, ({ id }) => this.fire('answered', { cause: id }), { name, count });
  }

  @Command() askFor(order: string, name: string, forMs: number) {
    this.listenTo(order, ({ id }) => this.fire('answered', { cause: id }), { name, forMs });
  }

  @ListenTo((state: WatcherState) => state.orders, { events: ['ordered', 'cancelled'] })
  onOrder({ id, streamId, name }: Heard<OrderEvents>) {
    this.fire('noticed', { cause: id, order: streamId });
    // What it hears may end what it listens to.
    if (name === 'cancelled') this.fire('left', { order: streamId });
  }

  @EventHandler() watched({ order }: WatcherEvents['watched']) {
    if (!this.state.orders.includes(order)) this.state.orders.push(order);
  }

  @EventHandler() left({ order }: WatcherEvents['left']) {
    this.state.orders = this.state.orders.filter((each) => each !== order);
  }

  @EventHandler() noticed({ order }: WatcherEvents['noticed']) {
    this.state.noticed[order] = (this.state.noticed[order] ?? 0) + 1;
  }

  @EventHandler() answered() {}
}

/** Hears names from when it was loaded first, and from code whenever it is loaded. */
@Actor({ prefix: 'counter-' })
export class Counter extends LiveActor<{ count: number; seen: number }, { counted: object; seen: { cause: string } }> {
  initialState() {
    return { count: 0, seen: 0 };
  }

  override onActivate() {
    this.listenTo({ event: 'cancelled' }, ({ id }) => this.fire('seen', { cause: id }), { name: 'seeing', from: 0 });
  }

  @Command() look() {
    return this.state.count;
  }

  @ListenTo<OrderEvents, 'cancelled'>({ events: ['cancelled'] }) onCancelled() {
    this.fire('counted');
  }

  @EventHandler() counted() {
    this.state.count += 1;
  }

  @EventHandler() seen() {
    this.state.seen += 1;
  }
}

export const ORDERS: SimulationOptions = {
  actors: [Order, Book, LedBook, Watcher, Counter],
  limits: hastyLimits,
  clients: 2,
  workload: async ({ actor, random, client, operation }) => {
    const order = `o${random.int(3)}`;
    const watcher = `w${random.int(2)}`;
    switch (random.int(12)) {
      case 0:
        return actor(Watcher, watcher).watch(order);
      case 1:
        return actor(Watcher, watcher).leave(order);
      case 2:
        return actor(Watcher, watcher).ask(order, `ask ${client}.${operation}`, random.int(1, 3));
      case 3:
        return actor(Watcher, watcher).askFor(order, `for ${client}.${operation}`, random.pick([10, 500, 3_000]));
      case 4:
        return actor(Counter, 'c').look();
      case 5:
        return actor(Book, `b${random.int(2)}`).note();
      case 6:
      case 7:
        return actor(Order, order).cancel();
      default:
        return actor(Order, order).order(`b${random.int(2)}`);
    }
  },
  invariants: [
    { name: 'every order is in both books once', check: everyOrderIsBooked },
    { name: 'nothing is noticed twice', check: nothingTwice },
    { name: 'what is watched is noticed', check: whatIsWatchedIsNoticed },
  ],
};

function everyOrderIsBooked({ events, state }: CourseEnd): string | undefined {
  const ordered = events.filter(({ name }) => name === 'ordered');
  for (const actorClass of [Book, LedBook]) {
    for (const book of ['b0', 'b1']) {
      const causes: readonly string[] = state<Book | LedBook>(actorClass, book).causes.filter(
        (cause) => cause !== 'nobody',
      );
      const wanted = ordered.filter(({ data }) => (data as OrderEvents['ordered']).book === book).map(({ id }) => id);
      const missing = wanted.find((id) => !causes.includes(id));
      if (missing !== undefined) return `${actorClass.name} ${book} never heard ${missing}`;
      if (causes.length !== wanted.length) return `${actorClass.name} ${book} has ${causes.length} of ${wanted.length}`;
    }
  }
  return undefined;
}

function nothingTwice({ events }: CourseEnd): string | undefined {
  const seen = new Set<string>();
  for (const { name, streamId, data, metadata } of events) {
    if (name !== 'noticed' && name !== 'booked' && name !== 'seen') continue;
    const { cause } = data as { cause: string };
    const key = `${streamId} ${name} ${cause}`;
    if (cause !== 'nobody' && seen.has(key)) return `${key} is there twice`;
    if (cause !== 'nobody' && metadata.causationId !== cause)
      return `${key} has another cause: ${metadata.causationId}`;
    seen.add(key);
  }
  return undefined;
}

/** Of each order that a watcher still watches: all that was said since its state began to name it. */
function whatIsWatchedIsNoticed({ events, ids, stream }: CourseEnd): string | undefined {
  for (const id of ids(Watcher)) {
    const noticed = new Set<string>();
    /** By order: after which of its versions it listens. */
    const since = new Map<string, number>();
    for (const { name, data } of stream(`watcher-${id}`)) {
      if (name === 'noticed') noticed.add((data as WatcherEvents['noticed']).cause);
      const { listener, begin = [], end = [] } = data as Listening;
      if (name !== '$listening' || listener !== 'onOrder') continue;
      for (const source of end) since.delete(source);
      for (const { source, after } of begin) if (!since.has(source)) since.set(source, after);
    }
    for (const [source, after] of since) {
      const said = events.filter(({ streamId, version }) => streamId === source && version > after);
      const missing = said.find((event) => !event.name.startsWith('$') && !noticed.has(event.id));
      if (missing)
        return `watcher ${id} never noticed version ${missing.version} of ${source}, which it watches after ${after}`;
    }
  }
  return undefined;
}

interface Listening {
  readonly listener?: string;
  readonly begin?: readonly { readonly source: string; readonly after: number }[];
  readonly end?: readonly string[];
}
