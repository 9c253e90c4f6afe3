import type { ActorBase } from './actor.js';
import { type ArgumentSchemas, type CommandOptions, marksOf } from './marks.js';
import type { CommandOf, EventName, EventsOf, HandlerOf } from './types.js';

/**
 * Marks a method as a command: one turn of the actor, one commit. It may be async. It decides and fires; it never changes state itself.
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

/** The decorator `@EventHandler('name')` gives: it checks name and payload against the class's event map. */
export interface NamedHandlerDecorator<Name extends string> {
  <A extends Actors, Method extends HandlerOf<A, Name>>(
    prototype: A,
    method: string,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void;
  /** In a projection, which is no actor. */
  <P extends object, Method extends AnyHandler>(
    prototype: NotAnActor<P>,
    method: string,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void;
}

/** A class that extends none of the actor bases. */
type NotAnActor<P> = P extends Actors ? never : P;
type AnyHandler = (...args: never[]) => unknown;

/** The decorator `@EventHandler()` gives: the event is the one the method is named after. */
export interface HandlerDecorator {
  <A extends Actors, Name extends EventName<EventsOf<A>>, Method extends HandlerOf<A, Name>>(
    prototype: A,
    method: Name,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void;
  /** In a projection, which is no actor. */
  <P extends object, Method extends AnyHandler>(
    prototype: NotAnActor<P>,
    method: string,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void;
}

/**
 * Marks a method as the handler of an event: the only code that changes state. Synchronous, and the same result for the same event and
 * state, always. Without a name, the event is the one the method is named after.
 */
export function EventHandler(): HandlerDecorator;
export function EventHandler<Name extends string>(event: Name): NamedHandlerDecorator<Name>;
export function EventHandler(event?: string) {
  return (prototype: object, method: string, descriptor?: PropertyDescriptor): void => {
    marksOf(prototype).handlers.push({ method, event: event ?? method, decorated: descriptor?.value });
  };
}
