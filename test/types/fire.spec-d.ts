/**
 * Type tests. Files named `*.spec-d.ts` are compiled by `npm run typecheck` (and by types.spec.ts, as part of `npm test`) and
 * never run, so they may declare what they do not have. What must not compile stands under `@ts-expect-error`, one mistake on
 * one line, with the reason after it: the line fails the day it begins to compile. What a type must be exactly is said with
 * `expectTypeOf` of expect-type. One file a topic; each begins with what compiles, because an error that is expected in a file
 * where everything is an error proves nothing.
 */
import { expectTypeOf } from 'expect-type';
import { Actor, Command, LiveActor, type PayloadArgument } from 'omniscient-nest';

interface DoorState {
  open: boolean;
}

interface DoorEvents {
  opened: { by: string; at?: number };
  closed: object;
  painted: { colour: 'red' | 'blue' };
}

@Actor()
export class Door extends LiveActor<DoorState, DoorEvents> {
  initialState(): DoorState {
    return { open: false };
  }

  @Command()
  paint(colour: 'red' | 'blue', anything: string): void {
    this.fire('opened', { by: 'me' });
    this.fire('opened', { by: 'me', at: 1 });
    this.fire('closed');
    this.fire('closed', {});
    this.fire('painted', { colour });

    // @ts-expect-error a misspelt event
    this.fire('openned', { by: 'me' });
    // @ts-expect-error a payload that is missing
    this.fire('opened');
    // @ts-expect-error a key that is missing
    this.fire('opened', { at: 1 });
    // @ts-expect-error a key of the wrong type
    this.fire('opened', { by: 1 });
    // @ts-expect-error a key that does not exist
    this.fire('opened', { by: 'me', where: 'here' });
    // @ts-expect-error a value that is not one of those named
    this.fire('painted', { colour: anything });
  }
}

expectTypeOf<PayloadArgument<DoorEvents['opened']>>().toEqualTypeOf<[data: { by: string; at?: number }]>();
expectTypeOf<PayloadArgument<DoorEvents['closed']>>().toEqualTypeOf<[data?: object]>();
