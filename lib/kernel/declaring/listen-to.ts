import type { ActorBase } from './actor.js';
import { type ListenMark, marksOf, type OnConflict, type OnFailure } from './marks.js';
import type { EventName, Heard, StateOf } from './types.js';

/**
 * Marks a method as a listener. It gets events of other streams and may call `fire`.
 *
 * What it fires is stored once in the whole cluster, whatever crashes, and no event is skipped. A method that throws is
 * tried again after growing waits; then its event is parked. The method may run more than once for one event, because
 * another node may be first or the process may crash before the commit. Side effects other than fired events must
 * tolerate that.
 *
 * The form with a function listens to the streams that the state names. The form with `{ events }` listens to event
 * names across all streams. Invalid options throw RegistrationError (`INVALID_LISTENER`) when the class is registered.
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

/** Options of every form of `@ListenTo`. */
export interface ListenOptions {
  /**
   * Handle only events after this version of the stream (or after this position, for event names); 0 for all. Default:
   * the end of the source when listening begins.
   */
  from?: number;
  /**
   * What happens to an event that fails too often. Default `'park'`: it is put aside. With `'stop'` the order stays
   * strict: the listener handles no later event of that source until the failing one works.
   */
  onFailure?: OnFailure;
  /**
   * What happens to a reaction when other events that this class handles were stored before its own. Default `'rerun'`:
   * the method decides again on the new state. `'reapply'` keeps the fired events. `'reject'` discards them, and the
   * event is tried again after a wait.
   */
  onConflict?: OnConflict;
}

/** Options of `@ListenTo((state) => streamIds, …)`. */
export interface StreamListenOptions extends ListenOptions {
  /** Handle only events of these names. Default: all. */
  events?: readonly string[];
}

/** Options of `@ListenTo({ events: … })`. */
export interface NamedListenOptions<Events extends object, Name extends EventName<Events>> extends ListenOptions {
  events: readonly Name[];
  /**
   * Returns the id of the actor that the event concerns, or `undefined` for none. That actor is loaded on one node of
   * the cluster and handles the event. The function must be pure.
   *
   * Without `to`, each actor listens for itself, from its first event on, whenever it is loaded. An actor without
   * events is not made to listen just because somebody looks at it.
   */
  to?: (event: Heard<Events, Name>) => string | undefined;
}

/** The decorator for streams. It requires a class whose state the function accepts. */
export type StreamListenDecorator<State> = <A extends Actors, Method extends ListenMethod>(
  prototype: StateOf<A> extends State ? A : never,
  method: string,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/** The decorator for event names. It requires a method that accepts those events. */
export type NamedListenDecorator<Event> = <Method extends (event: Event) => unknown>(
  prototype: Actors,
  method: string,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/** Events of a class about which nothing is known here. */
type AnyEvents = Record<string, unknown>;
