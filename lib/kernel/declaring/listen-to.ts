import type { ActorBase } from './actor.js';
import { type ListenMark, marksOf, type OnConflict, type OnFailure } from './marks.js';
import type { EventName, Heard, StateOf } from './types.js';

/**
 * Marks a method as a listener: it gets events of other streams and may `fire`. What it fires is stored once in the cluster, whatever crashes, and
 * no event is left out. A method that throws is tried again after growing waits, then its event is parked. It may run more than once for an
 * event (another node was first, a crash came before the commit), so what it does besides firing must bear that.
 *
 * @example
 * ```ts
 * import { Actor, EventHandler, type Heard, ListenTo, LiveActor } from 'omniscient-nest';
 *
 * interface Rooms { open: string[] }
 * interface RoomEvents { room_opened: { room: string }; guest_greeted: { guest: string } }
 * interface GuestEvents { guest_came: { guest: string } }
 *
 * @Actor()
 * export class Host extends LiveActor<Rooms, RoomEvents> {
 *   initialState(): Rooms {
 *     return { open: [] };
 *   }
 *
 *   @EventHandler() room_opened({ room }: RoomEvents['room_opened']) {
 *     this.state.open.push(room);
 *   }
 *
 *   @ListenTo((state: Rooms) => state.open, { events: ['guest_came'] })
 *   onGuest(event: Heard<GuestEvents, 'guest_came'>) {
 *     this.fire('guest_greeted', { guest: event.data.guest });
 *   }
 * }
 * ```
 */
export function ListenTo<State extends object>(
  sources: (state: State) => string | readonly string[] | undefined,
  options?: StreamListenOptions,
): StreamListenDecorator<State>;
export function ListenTo<Events extends object = AnyEvents, Name extends EventName<Events> = EventName<Events>>(
  options: NamedListenOptions<Events, Name>,
): NamedListenDecorator<Heard<Events, Name>>;
export function ListenTo(first: ((state: never) => unknown) | object, more: object = {}) {
  const options = typeof first === 'function' ? { ...more, sources: first as ListenMark['sources'] } : first;
  return (prototype: object, method: string): void => {
    marksOf(prototype).listens.push({ onFailure: 'park', onConflict: 'rerun', ...options, method } as ListenMark);
  };
}

type Actors = ActorBase<object, object>;
type ListenMethod = (event: never) => unknown;

/** What every form of `@ListenTo` takes. */
export interface ListenOptions {
  /** Where to begin: a version of the stream (a position, for names) after which events are heard; 0 for all. Default: where the source is when listening begins. */
  from?: number;
  /** Default `'park'`. `'stop'` keeps the order strict: nothing later of that source is heard before the failing event was. */
  onFailure?: OnFailure;
  /**
   * What is done when others' events, which this class handles, were stored before those of a reaction. Default `'rerun'`: the method decides again on the
   * new state. `'reapply'` keeps what it fired; `'reject'` gives it up, and tries the event again after a wait.
   */
  onConflict?: OnConflict;
}

/** What `@ListenTo((state) => streamIds, …)` takes. */
export interface StreamListenOptions extends ListenOptions {
  /** Only events of these names. Default: all. */
  events?: readonly string[];
}

/** What `@ListenTo({ events: … })` takes. */
export interface NamedListenOptions<Events extends object, Name extends EventName<Events>> extends ListenOptions {
  events: readonly Name[];
  /**
   * Id of the actor that the event concerns: it is loaded, on one node of the cluster, and hears it; `undefined` if it concerns nobody. Must be
   * pure. Without it, an actor hears what happens from its first event on, whenever it is loaded: one that has none is only looked at.
   */
  to?: (event: Heard<Events, Name>) => string | undefined;
}

/** The decorator for streams: the class's state must be one that the function takes. */
export type StreamListenDecorator<State> = <A extends Actors, Method extends ListenMethod>(
  prototype: StateOf<A> extends State ? A : never,
  method: string,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/** The decorator for names: the method must take those events. */
export type NamedListenDecorator<Event> = <Method extends (event: Event) => unknown>(
  prototype: Actors,
  method: string,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/** Whatever a class fires of which nothing is known here. */
type AnyEvents = Record<string, unknown>;
