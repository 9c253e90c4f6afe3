import type { TickEvents } from '../framework/index.js';
import type { EventInfo, SchemaOutput, StoredEvent } from '../values/index.js';

/** The state type of an actor class. */
export type StateOf<A> = A extends { readonly [ACTOR_TYPES]?: { state: infer State } } ? State : never;

/** Carries the type parameters of an actor class. It does not exist at run time. */
export declare const ACTOR_TYPES: unique symbol;

/** Matches every class that extends an actor base. */
interface Typed {
  readonly [ACTOR_TYPES]?: { state: object; events: object };
}

/** The event map of an actor class: names and payloads. */
export type EventsOf<A> = A extends { readonly [ACTOR_TYPES]?: { events: infer Events } } ? Events : never;

/** The event names of an event map. */
export type EventName<Events> = keyof Events & string;

/** The event names that `fire` accepts: all but those that only ticking fires. */
export type FiredName<Events> = Exclude<EventName<Events>, Events extends TickEvents ? keyof TickEvents : never>;

/** The payload argument of `fire`. It may be left out if the payload needs no properties. */
export type PayloadArgument<Payload> = Record<never, never> extends Payload ? [data?: Payload] : [data: Payload];

/** Events of an actor class as they are stored: a union to switch on by `name`. */
export type EventOf<A> = { [Name in EventName<EventsOf<A>>]: StoredEvent<Name, EventsOf<A>[Name]> }[EventName<
  EventsOf<A>
>];

/**
 * The type that a method must have to handle `Name` in class `A`. For an unknown event it is an object whose text the
 * compiler shows.
 */
export type HandlerOf<A, Name extends string> =
  Name extends EventName<EventsOf<A>>
    ? (data: EventsOf<A>[Name], info: EventInfo<Name>) => void
    : { error: `'${Name}' is not one of this actor's events` };

/** The type that a method must have for these schemas to fit its first arguments. */
export type CommandOf<Schemas extends readonly unknown[]> = (
  ...args: [...{ -readonly [Place in keyof Schemas]: SchemaOutput<Schemas[Place]> }, ...never[]]
) => unknown;

/**
 * `unknown` if each schema returns the payload of one of the class's events. Otherwise an object whose text the
 * compiler shows.
 */
export type SchemasFit<A, Schemas> = [Misfits<A, Schemas>] extends [never] ? unknown : Misfits<A, Schemas>;

type Misfits<A, Schemas> = {
  [Name in keyof Schemas & string]: string extends Name
    ? never
    : Name extends EventName<EventsOf<A>>
      ? SchemaOutput<Schemas[Name]> extends EventsOf<A>[Name]
        ? never
        : { error: `the schema of '${Name}' returns something else than that event's payload` }
      : { error: `'${Name}' is not one of this actor's events` };
}[keyof Schemas & string];

type AnyFunction = (...args: never[]) => unknown;
/** Whether an actor class is a `OneActor`. */
export type IsOne<A> = A extends { readonly [ACTOR_TYPES]?: { kind: 'one' } } ? true : false;

type Lifecycle = 'initialState' | 'onActivate' | 'onPassivate';

/** Whether a method is an event handler: it is named like an event and takes its payload. */
type IsHandler<A, K extends keyof A> = K extends keyof EventsOf<A>
  ? A[K] extends (data: infer D, ...rest: never[]) => void
    ? unknown extends D
      ? false
      : EventsOf<A>[K] extends D
        ? true
        : false
    : false
  : false;

/** Names of an actor class's commands: its public methods that are neither hooks nor visibly event handlers. */
export type CommandName<A> = {
  [K in keyof A & string]: A[K] extends AnyFunction
    ? K extends Lifecycle
      ? never
      : IsHandler<A, K> extends true
        ? never
        : K
    : never;
}[keyof A & string];

/** Arguments of a command. */
export type CommandArguments<A, K extends keyof A> = A[K] extends (...args: infer Args) => unknown ? Args : never;

/** The result of a command, awaited. */
export type CommandResult<A, K extends keyof A> = A[K] extends (...args: never[]) => infer Result
  ? Awaited<Result>
  : never;

/** An event that a listener to these events may get: a union to switch on by `name`. */
export type Heard<Events extends object, Name extends EventName<Events> = EventName<Events>> = {
  [N in Name]: StoredEvent<N, Events[N]>;
}[Name];

/**
 * An actor's commands as its ref has them. Each returns a promise that settles when the commit is durable or has
 * failed.
 */
export type CommandsOf<A extends Typed> = {
  readonly [K in CommandName<A>]: (...args: CommandArguments<A, K>) => Promise<CommandResult<A, K>>;
};

/** Read-only at every depth. */
export type DeepReadonly<T> = T extends AnyFunction
  ? T
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;
