import { Actor, Command, EventHandler, LiveActor } from 'omniscient-nest';

export interface CounterState {
  count: number;
  log: string[];
}

export interface CounterEvents {
  added: { n: number };
  taken: { n: number };
  noted: { text: string };
  reset: object;
}

/** What the runtime's specs play with: every policy, sync and async, throwing at every place. */
@Actor()
export class Counter extends LiveActor<CounterState, CounterEvents> {
  initialState(): CounterState {
    return { count: 0, log: [] };
  }

  @Command()
  add(n = 1): number {
    this.fire('added', { n });
    return this.state.count;
  }

  @Command()
  async addLater(n: number, waitMs: number): Promise<number> {
    this.fire('added', { n });
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    this.fire('added', { n });
    return this.state.count;
  }

  /** Never below zero. */
  @Command({ onConflict: 'rerun' })
  take(n: number): boolean {
    if (this.state.count < n) return false;
    this.fire('taken', { n });
    return true;
  }

  @Command({ onConflict: 'reject' })
  addOrReject(n: number): void {
    this.fire('added', { n });
  }

  @Command()
  addThenThrow(n: number): never {
    this.fire('added', { n });
    this.fire('noted', { text: 'never' });
    throw new Error('changed my mind');
  }

  @Command()
  async addInParts(n: number, thenThrow = false): Promise<void> {
    this.fire('added', { n });
    await this.commit();
    this.fire('added', { n });
    if (thenThrow) throw new Error('after the first part');
  }

  @Command()
  note(text: string): void {
    this.fire('noted', { text });
  }

  @Command()
  read(): number {
    return this.state.count;
  }

  @Command()
  async callBack(other: { addThrough(): Promise<unknown> }): Promise<unknown> {
    return other.addThrough();
  }

  @EventHandler()
  added({ n }: CounterEvents['added']): void {
    this.state.count += n;
  }

  @EventHandler()
  taken({ n }: CounterEvents['taken']): void {
    this.state.count -= n;
  }

  @EventHandler()
  noted({ text }: CounterEvents['noted']): void {
    if (text === 'poison') throw new Error('cannot stand poison');
    this.state.log.push(text);
  }

  @EventHandler('reset')
  onReset(): void {
    this.state = { count: 0, log: [] };
  }
}

/** Shares streams with `Counter` and has no handler for any of its events. */
@Actor()
export class Watcher extends LiveActor<{ seen: number }, { seen: object }> {
  initialState() {
    return { seen: 0 };
  }

  @Command({ onConflict: 'rerun' })
  see(): number {
    this.runs += 1;
    this.fire('seen', {});
    return this.runs;
  }

  @EventHandler('seen')
  onSeen(): void {
    this.state.seen += 1;
  }

  private runs = 0;
}

/** Serial and local: checks no version. */
@Actor({ name: 'Tally' })
export class Tally extends Actor<{ count: number }, { added: { n: number } }> {
  initialState() {
    return { count: 0 };
  }

  @Command()
  add(n: number): number {
    this.fire('added', { n });
    return this.state.count;
  }

  @EventHandler()
  added({ n }: { n: number }): void {
    this.state.count += n;
  }
}
