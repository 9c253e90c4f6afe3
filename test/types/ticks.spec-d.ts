/** What the compiler says about ticks: an actor hears them, and only time fires them. */
import { expectTypeOf } from 'expect-type';
import {
  Actor,
  type ActorRef,
  type ActorRepository,
  Command,
  EventHandler,
  type EventOf,
  type FiredName,
  LiveActor,
  type Tick,
  TickActor,
} from 'omniscient-nest';
import { Given } from 'omniscient-nest/testing';

interface ClockEvents {
  wound: { by: string };
  stopped: object;
}

@Actor()
class AlarmClock extends TickActor<{ ticks: number }, ClockEvents> {
  initialState() {
    return { ticks: 0 };
  }

  @Command()
  wind(by: string): void {
    this.startTicking({ everyMs: 1_000 });
    this.fire('wound', { by });
    this.fire('stopped');

    // @ts-expect-error only time fires it
    this.fire('tick', { n: 1, missed: 0 });
    // @ts-expect-error a misspelt event
    this.fire('wounded', { by });
    // @ts-expect-error a key of the wrong type
    this.fire('wound', { by: 1 });
  }

  @EventHandler() tick({ n, missed }: Tick): void {
    this.state.ticks = n + missed;
  }

  @EventHandler('tick') alsoTick({ n }: Tick): void {
    this.state.ticks = n;
  }

  // @ts-expect-error a tick says something else
  @EventHandler('tick') notATick({ text }: { text: string }): void {
    this.state.ticks = text.length;
  }
}

/** Nothing of its own happens to it. */
@Actor()
export class Metronome extends TickActor<{ n: number }, object> {
  initialState() {
    return { n: 0 };
  }

  @Command() begin(): void {
    this.startTicking({ everyMs: 50 });
    // @ts-expect-error only time fires it
    this.fire('tick', { n: 1, missed: 0 });
  }

  @EventHandler() tick({ n }: Tick): void {
    this.state.n = n;
  }
}

/** One that does not tick may call its own events as it likes. */
@Actor()
export class Animal extends LiveActor<object, { tick: { bitten: boolean } }> {
  initialState() {
    return {};
  }

  @Command() bite(): void {
    this.fire('tick', { bitten: true });
    // @ts-expect-error a key of the wrong type
    this.fire('tick', { bitten: 1 });
  }
}

declare const clocks: ActorRepository<AlarmClock>;
declare const clock: ActorRef<AlarmClock>;
declare const animal: ActorRef<Animal>;
declare const metronome: ActorRef<Metronome>;

expectTypeOf<FiredName<ClockEvents>>().toEqualTypeOf<'wound' | 'stopped'>();
expectTypeOf<FiredName<{ tick: Tick }>>().toEqualTypeOf<'tick'>();
expectTypeOf<EventOf<AlarmClock>['name']>().toEqualTypeOf<'wound' | 'stopped' | 'tick'>();
expectTypeOf(clock.fire('wound', { by: 'me' })).toEqualTypeOf<Promise<void>>();
expectTypeOf(animal.fire('tick', { bitten: false })).toEqualTypeOf<Promise<void>>();
clocks.events$('kitchen').subscribe((event) => {
  if (event.name === 'tick') expectTypeOf(event.data).toEqualTypeOf<Tick>();
});
Given()
  .When(AlarmClock, 'wind', 'me')
  .Then([{ name: 'wound' }, { name: 'tick', data: { n: 1, missed: 0 } }]);

// @ts-expect-error only time fires it
void clock.fire('tick', { n: 3, missed: 0 });
// @ts-expect-error only time fires it
void metronome.fire('tick', { n: 3, missed: 0 });
// @ts-expect-error a handler is no command
void clock.tick({ n: 3, missed: 0 });
