import type { TickEvents, TickOptions } from '../framework/framework-events.js';
import type { StoredEvent } from '../values/event.js';
import type { ListenHandler, Listening, ListenSource, ListenToOptions } from './listening.js';
import { type ActorOptions, type EventSchemas, markActorClass } from './marks.js';
import type { ACTOR_TYPES, FiredName, PayloadArgument, SchemasFit } from './types.js';

export type Actor<State extends object, Events extends object> = LocalActor<State, Events>;

/** What an activation gives the instance it runs: everything an actor can do to itself. */
export interface ActorContext {
  readonly id: string;
  readonly state: object;
  replaceState(state: object): void;
  fire(name: string, data: unknown): void;
  commit(): Promise<void>;
  startTicking(options: TickOptions): void;
  stopTicking(): void;
  listenTo(source: ListenSource, handler: ListenHandler, options: ListenToOptions): Listening;
}

const CONTEXT = Symbol('omniscient-nest.context');

/**
 * What all actors share. Extend `Actor`, `LiveActor`, `OneActor` or `TickActor`, not this.
 *
 * @typeParam State plain data: what `structuredClone` and JSON agree on.
 * @typeParam Events event names and their payloads.
 */
export abstract class ActorBase<State extends object, Events extends object> {
  declare readonly [ACTOR_TYPES]?: { state: State; events: Events };

  /** The state of an empty stream. Called without arguments; must always give the same for the same id. */
  abstract initialState(): State;

  /** Called after loading and before the first command, as a turn of its own: it may fire. */
  onActivate?(): void | Promise<void>;

  /** Called before the activation is let go, as a turn of its own: it may fire. On shutdown it has `shutdownTimeoutMs`, and is cut off then. */
  onPassivate?(): void | Promise<void>;

  /** The id this actor was asked for by, without its class's `prefix`. Not known in the constructor yet. */
  protected get id(): string {
    return contextOf(this).id;
  }

  /** A live view of the state, with pending changes. Only event handlers may write to it. */
  protected get state(): State {
    return contextOf(this).state as State;
  }

  protected set state(state: State) {
    contextOf(this).replaceState(state);
  }

  /**
   * Fires an event: serialised now, applied to the state now, stored when the command returns. If the command throws, it never was.
   *
   * @throws SchemaError when the class has a schema for the event, and the payload does not fit.
   * @throws PayloadError when JSON would not give the payload back the same.
   * @throws HandlerError when this class's handler of the event throws.
   * @throws TurnError outside a command.
   */
  protected fire<Name extends FiredName<Events>>(name: Name, ...data: PayloadArgument<Events[Name]>): void {
    contextOf(this).fire(name, data.length === 0 ? {} : data[0]);
  }

  /**
   * Listens to a stream, or to an event name across all streams, from code; see `@ListenTo` for what is promised. How far it has heard is stored, by the
   * handler's name (or `options.name`) and the source: the same call after a restart, in `onActivate` say, goes on where it stopped. Begun in a command it
   * keeps the actor loaded until it is over, and nothing hears it after a restart.
   *
   * @param source a stream's id, or `{ event: 'name' }`.
   * @returns a handle that stops it, for good.
   * @throws TurnError outside a turn; OmniscientError (`INVALID_LISTENER`, `ALREADY_LISTENING`).
   */
  protected listenTo<Event extends StoredEvent = StoredEvent>(
    source: ListenSource,
    handler: ListenHandler<Event>,
    options: ListenToOptions = {},
  ): Listening {
    return contextOf(this).listenTo(source, handler as ListenHandler, options);
  }

  /** Stores what this command has fired so far, for a long process; what comes after is a commit of its own. */
  protected commit(): Promise<void> {
    return contextOf(this).commit();
  }
}

abstract class LocalActor<State extends object, Events extends object> extends ActorBase<State, Events> {}

/**
 * Both the decorator that makes a class an actor, `@Actor({ … })`, and the base class of the plainest kind: serial and local. It decides and
 * stores here, checks no version, and sees what others stored on its stream when it is loaded again.
 */
export const Actor = new Proxy(LocalActor, {
  apply: (_base, _this, [options]: [ActorOptions?]) => {
    return (actorClass: abstract new (...args: never[]) => unknown) => markActorClass(actorClass, options ?? {});
  },
}) as typeof LocalActor &
  (<Schemas extends EventSchemas = Record<never, never>>(options?: ActorOptions<Schemas>) => ActorDecorator<Schemas>);

/** What `@Actor()` is: only classes that extend one of the bases can be decorated with it, and only if their events fit the schemas. */
export type ActorDecorator<Schemas = Record<never, never>> = <A extends ActorBase<object, object>>(
  actorClass: abstract new (...args: never[]) => A & SchemasFit<A, Schemas>,
) => void;

/**
 * Distributed and live on every node: decides here, optimistically; stores at the version it expects; sees what others store on its stream
 * at once, and on a conflict does what the command's `onConflict` says.
 */
export abstract class LiveActor<State extends object, Events extends object> extends ActorBase<State, Events> {}

/**
 * Led by one node at a time, and live on every node: a command given anywhere runs on the leader, which stores its events and answers. Nothing is
 * seen anywhere before it is stored. When the leader dies the next command elects another. Arguments and answers travel as JSON.
 *
 * `onActivate` runs on the leader, when it takes over; `onPassivate` where it leads when it is let go.
 */
export abstract class OneActor<State extends object, Events extends object> extends ActorBase<State, Events> {
  declare readonly [ACTOR_TYPES]?: { state: State; events: Events; kind: 'one' };
}

/**
 * A `LiveActor` with a sense of time. While it ticks, an event `tick` of its own is stored every so often, once across the cluster, on whichever
 * node is left; handle it with `@EventHandler() tick({ n, missed }: Tick)`.
 */
export abstract class TickActor<State extends object, Events extends object> extends LiveActor<
  State,
  Events & TickEvents
> {
  /**
   * Ticks from now on, never closer together than `everyMs`; stored like an event, so that it survives restarts. The same again while it ticks
   * changes nothing; other options begin anew with `n` 1.
   *
   * @throws TurnError outside a command; OmniscientError (`INVALID_TICKING`).
   */
  protected startTicking(options: TickOptions): void {
    contextOf(this).startTicking(options);
  }

  /** Ticks no more. Nothing happens if it does not tick. */
  protected stopTicking(): void {
    contextOf(this).stopTicking();
  }
}

/** A class that can be asked for: `User` in `@InjectActor(User)`. */
export type ActorClass<A extends ActorBase<object, object> = ActorBase<object, object>> = new (...args: never[]) => A;

/** Gives the instance its context; called once by the activation that made it. */
export function bindContext(actor: ActorBase<object, object>, context: ActorContext): void {
  Object.defineProperty(actor, CONTEXT, { value: context });
}

/** What the instance was bound to. */
export function contextOf(actor: object): ActorContext {
  const context = (actor as { [CONTEXT]?: ActorContext })[CONTEXT];
  if (context) return context;
  throw new Error(
    `${actor.constructor.name} was made with 'new' or is still in its constructor: id, state, fire and commit work only in an actor that ` +
      'its repository has loaded. Get one with repository.get(id).',
  );
}
