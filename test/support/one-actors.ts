import { Actor, Command, EventHandler, OmniscientError, OneActor, type Tick, TickActor } from 'omniscient-nest';

export interface DeskEvents {
  sold: { seat: number; to: string };
  noted: { text: string };
}

/** What a desk says when the seats are gone. */
export class SoldOutError extends Error {
  readonly code = 'SOLD_OUT';

  constructor(readonly seats: number) {
    super(`all ${seats} seats are sold`);
  }
}

/** Sells seats: a rule that only one leader can keep without asking twice. */
@Actor()
export class Desk extends OneActor<{ sold: string[] }, DeskEvents> {
  /** Where the commands ran, in this process. */
  static readonly runs: string[] = [];
  static seats = 1_000_000;

  initialState() {
    return { sold: [] as string[] };
  }

  @Command()
  sell(to: string): number {
    Desk.runs.push(to);
    if (this.state.sold.length >= Desk.seats) throw new SoldOutError(Desk.seats);
    const seat = this.state.sold.length + 1;
    this.fire('sold', { seat, to });
    return seat;
  }

  @Command()
  async sellSlowly(to: string, ms: number): Promise<number> {
    Desk.runs.push(to);
    await new Promise((resolve) => setTimeout(resolve, ms));
    return this.sell(to);
  }

  @Command()
  look(): { sold: number; first: string | undefined } {
    return { sold: this.state.sold.length, first: this.state.sold[0] };
  }

  @Command()
  sellBoth(one: string, other: string | undefined, last: string): (string | undefined)[] {
    this.fire('sold', { seat: this.state.sold.length + 1, to: one });
    return [one, last, other === undefined ? 'none' : other];
  }

  @Command()
  fail(kind: 'type' | 'library' | 'text'): never {
    this.fire('noted', { text: 'never seen' });
    if (kind === 'type') throw new TypeError('not like this', { cause: new RangeError('too far') });
    if (kind === 'library') throw new OmniscientError('OUT_OF_STOCK', 'come back', { retryable: true });
    // biome-ignore lint/style/useThrowOnlyError: users do.
    throw 'just words';
  }

  @Command()
  async sellInParts(to: string): Promise<void> {
    this.fire('sold', { seat: this.state.sold.length + 1, to });
    await this.commit();
    this.fire('noted', { text: `${to} paid` });
  }

  @EventHandler()
  sold({ to }: DeskEvents['sold']): void {
    this.state.sold.push(to);
  }

  /** No command. */
  secret(): string {
    return 'secret';
  }
}

/** Ticks, and counts. */
@Actor()
export class Metronome extends TickActor<{ ticks: number[]; missed: number }, { named: { name: string } }> {
  initialState() {
    return { ticks: [] as number[], missed: 0 };
  }

  @Command()
  begin(everyMs: number, count?: number): void {
    this.startTicking(count === undefined ? { everyMs } : { everyMs, count });
  }

  @Command()
  end(): void {
    this.stopTicking();
  }

  @Command()
  beginAndFail(): void {
    this.startTicking({ everyMs: 20 });
    throw new Error('no');
  }

  @Command()
  forge(): void {
    // @ts-expect-error only time fires it
    this.fire('tick', { n: 1, missed: 0 });
  }

  @EventHandler()
  tick({ n, missed }: Tick): void {
    this.state.ticks.push(n);
    this.state.missed += missed;
  }
}
