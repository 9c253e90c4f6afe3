import type { ActorBase, EventName, EventsOf } from '../declaring/index.js';
import { type EventInfo, isStandardSchema, type SchemaOutput, type StandardSchema } from '../values/index.js';
import { markUpcast } from './upcast-marks.js';

/**
 * The type of `@Upcast()`. It checks the method's parameter against the schema, and its result against the class's
 * event map.
 */
export type UpcastDecorator<To extends string, From> = <
  H extends Host,
  Key extends string,
  Method extends UpcastOf<H, Key, To, From>,
>(
  host: H,
  method: Key,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/** Where an upcast may be: on a static method of an actor class, or on another method. */
type Host = ActorBase<object, object> | (abstract new (...args: never[]) => ActorBase<object, object>);

type ActorOf<H> = H extends abstract new (...args: never[]) => infer A ? A : H;

/** The payloads that the class's other methods take. The result of an upcast may go on to one of them. */
type NextPayload<H, Key> = {
  [K in Exclude<keyof H, Key>]: H[K] extends (data: infer Data, ...rest: never[]) => unknown
    ? unknown extends Data
      ? never
      : Data
    : never;
}[Exclude<keyof H, Key>];

/**
 * The type that a method must have to turn what `From` accepts into a `To`. For an unknown event it is an object whose
 * text the compiler shows.
 */
export type UpcastOf<H, Key, To, From> =
  To extends EventName<EventsOf<ActorOf<H>>>
    ? (data: SchemaOutput<From>, info: EventInfo) => EventsOf<ActorOf<H>>[To] | NextPayload<H, Key>
    : { error: `'${To & string}' is not one of this actor's events` };

/** Options of `@Upcast('old_name', …)`, for an event that has another name today. */
export interface Renaming<To extends string, From extends StandardSchema | undefined> {
  /** Today's name. */
  to: To;
  /** Which payloads of the old name it applies to. Default: all. */
  from?: From;
}

/**
 * Marks a method, best a static one, that turns an old event into today's form whenever this class reads it. Handlers
 * see only today's form. The method gets what `from` returns for the stored payload, and the event's metadata. Like a
 * handler it must be synchronous, and must always return the same. What is stored does not change.
 *
 * An event is old if `from` accepts it, so `from` must refuse today's payload. Several upcasts of one event are tried
 * in the order in which they are written, oldest first, each on the result of the one before.
 *
 * @param event the stored name.
 * @param from a schema that accepts old payloads only; or `{ to, from }` for an event that has another name today.
 *   Mistakes throw RegistrationError (`INVALID_UPCAST`, `INVALID_SCHEMA`, `INVALID_EVENT_NAME`) when the class is
 *   registered.
 * @example
 * ```ts
 * import { Actor, EventHandler, LiveActor, Upcast } from 'omniscient-nest';
 * import { z } from 'zod';
 *
 * interface UserEvents { signed_up: { name: string; email: string | null } }
 * const v1 = z.strictObject({ username: z.string() });
 *
 * @Actor()
 * export class User extends LiveActor<{ name: string }, UserEvents> {
 *   initialState() { return { name: '' }; }
 *
 *   @Upcast('signed_up', v1)
 *   static fromV1({ username }: z.infer<typeof v1>): UserEvents['signed_up'] { return { name: username, email: null }; }
 *
 *   @Upcast('registered', { to: 'signed_up' })
 *   static renamed(data: UserEvents['signed_up']) { return data; }
 *
 *   @EventHandler() signed_up({ name }: UserEvents['signed_up']) { this.state.name = name; }
 * }
 * ```
 */
export function Upcast<To extends string, From extends StandardSchema>(
  event: To,
  from: From,
): UpcastDecorator<To, From>;
export function Upcast<To extends string, From extends StandardSchema | undefined = undefined>(
  event: string,
  renaming: Renaming<To, From>,
): UpcastDecorator<To, From>;
export function Upcast(event: string, old: StandardSchema | Renaming<string, StandardSchema | undefined>) {
  return (host: object, method: string, descriptor?: PropertyDescriptor): void => {
    const { to = event, from } = isStandardSchema(old) || !isRenaming(old) ? { from: old } : old;
    markUpcast(host, { event, to, from: from as StandardSchema | undefined, method, decorated: descriptor?.value });
  };
}

function isRenaming(value: unknown): value is Renaming<string, StandardSchema | undefined> {
  return typeof value === 'object' && value !== null && 'to' in value;
}
