import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Actor, Command, EventHandler, ListenTo, LiveActor, OneActor, TickActor } from 'omniscient-nest';

/** What an application keeps with each request: who it is for. */
export const tenant = new AsyncLocalStorage<string>();

/** Who each piece of the users' code was run for, and what it was. */
export const runs: { what: string; for: string | null }[] = [];

export function ran(what: string): void {
  runs.push({ what, for: tenant.getStore() ?? null });
}

/** For whom that piece was run, each time. */
export function runsOf(what: string): (string | null)[] {
  return runs.filter((run) => run.what === what).map((run) => run.for);
}

interface BookState {
  names: string[];
}

interface BookEvents {
  signed: { name: string };
}

/** Notes for whom it is run, at once or slowly. */
@Actor()
export class Book extends LiveActor<BookState, BookEvents> {
  initialState(): BookState {
    return { names: [] };
  }

  @Command() sign(name: string) {
    ran(`sign ${name}`);
    this.fire('signed', { name });
  }

  @Command() async signSlowly(name: string) {
    await sleep(10);
    ran(`signSlowly ${name}`);
    this.fire('signed', { name });
  }

  @Command({ onConflict: 'rerun' }) signOnce(name: string) {
    ran(`signOnce ${name}`);
    if (!this.state.names.includes(name)) this.fire('signed', { name });
  }

  @Command() fail(name: string) {
    ran(`fail ${name}`);
    throw new Error('no');
  }

  @EventHandler() signed({ name }: BookEvents['signed']) {
    this.state.names.push(name);
  }
}

/** Has a life of its own beside its commands. */
@Actor({ prefix: 'lively-' })
export class Lively extends TickActor<{ ticks: number }, { begun: object; noted: object }> {
  initialState() {
    ran('initialState');
    return { ticks: 0 };
  }

  override onActivate() {
    ran('onActivate');
  }

  override onPassivate() {
    ran('onPassivate');
  }

  @Command() begin() {
    this.startTicking({ everyMs: 10, count: 2 });
    this.listenTo('book', () => this.heard(), { name: 'heard' });
  }

  heard() {
    ran('heard in code');
    this.fire('noted');
  }

  @EventHandler() tick() {
    ran('tick');
    this.state.ticks += 1;
  }
}

/** Is brought into life by what others say. */
@Actor({ prefix: 'guest-' })
export class Guest extends LiveActor<{ heard: number }, { noted: object }> {
  initialState() {
    return { heard: 0 };
  }

  @ListenTo({ events: ['signed'], to: () => 'g' }) onSigned() {
    ran('heard by name');
    this.fire('noted');
  }

  @EventHandler() noted() {
    this.state.heard += 1;
  }
}

/** Led on one node. */
@Actor({ prefix: 'led-' })
export class LedBook extends OneActor<BookState, BookEvents> {
  initialState(): BookState {
    return { names: [] };
  }

  override onActivate() {
    ran('onActivate, led');
  }

  @Command() sign(name: string) {
    ran(`sign ${name}`);
    this.fire('signed', { name });
  }

  @Command() async signSlowly(name: string) {
    await sleep(10);
    ran(`signSlowly ${name}`);
    this.fire('signed', { name });
  }

  @EventHandler() signed({ name }: BookEvents['signed']) {
    this.state.names.push(name);
  }
}
