import type { ActorBase } from './actor.js';
import { type ArgumentSchemas, type CommandOptions, marksOf } from './marks.js';
import type { CommandOf, EventName, EventsOf, HandlerOf } from './types.js';

/**
 * Marks a method as a command: one turn of the actor and one commit. It may be async. It decides and fires events; it
 * never changes the state itself.
 *
 * @param options `onConflict` (default `'reapply'`) and `args`, the schemas of the arguments. They are checked when the
 *   class is registered, which throws RegistrationError (`INVALID_OPTION`, `INVALID_SCHEMA`, `RESERVED_COMMAND_NAME`).
 */
export function Command<const Schemas extends ArgumentSchemas = readonly []>(options: CommandOptions<Schemas> = {}) {
  return <Method extends CommandOf<Schemas>>(
    prototype: Actors,
    method: string,
    _descriptor: TypedPropertyDescriptor<Method>,
  ): void => {
    const { onConflict = 'reapply', args: schemas } = options;
    marksOf(prototype).commands.push({ method, onConflict, schemas });
  };
}

type Actors = ActorBase<object, object>;

/** The type of `@EventHandler('name')`. It checks name and payload against the class's event map. */
export interface NamedHandlerDecorator<Name extends string> {
  <A extends Actors, Method extends HandlerOf<A, Name>>(
    prototype: A,
    method: string,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void;
  /** In a projection, which is not an actor. */
  <P extends object, Method extends AnyHandler>(
    prototype: NotAnActor<P>,
    method: string,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void;
}

/** A class that does not extend an actor base. */
type NotAnActor<P> = P extends Actors ? never : P;
type AnyHandler = (...args: never[]) => unknown;

/** The type of `@EventHandler()`. The method's name is the event's name. */
export interface HandlerDecorator {
  <A extends Actors, Name extends EventName<EventsOf<A>>, Method extends HandlerOf<A, Name>>(
    prototype: A,
    method: Name,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void;
  /** In a projection, which is not an actor. */
  <P extends object, Method extends AnyHandler>(
    prototype: NotAnActor<P>,
    method: string,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void;
}

/**
 * Marks a method as the handler of an event. Handlers are the only code that changes state. A handler must be
 * synchronous, and must always produce the same result for the same event and state. Methods of a `@Projection()` may
 * be async.
 *
 * @param event the event's name. Default: the method's name. It is checked when the class is registered, which throws
 *   RegistrationError (`INVALID_EVENT_NAME`, `DUPLICATE_HANDLER`, `HANDLER_IS_COMMAND`, `HANDLER_IS_LISTENER`,
 *   `HANDLER_HIDDEN`).
 */
export function EventHandler(): HandlerDecorator;
export function EventHandler<Name extends string>(event: Name): NamedHandlerDecorator<Name>;
export function EventHandler(event?: string) {
  return (prototype: object, method: string, descriptor?: PropertyDescriptor): void => {
    marksOf(prototype).handlers.push({ method, event: event ?? method, decorated: descriptor?.value });
  };
}
