import type { TickEvents, TickOptions } from '../framework/index.js';
import type { StoredEvent } from '../values/index.js';
import type { ListenHandler, Listening, ListenSource, ListenToOptions } from './listening.js';
import { type ActorOptions, type EventSchemas, markActorClass } from './marks.js';
import type { ACTOR_TYPES, FiredName, PayloadArgument, SchemasFit } from './types.js';

export type Actor<State extends object, Events extends object> = LocalActor<State, Events>;

/** What an activation gives the instance that it runs: everything an actor can do to itself. */
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
 * What all actors have in common. Do not extend this class: extend `Actor`, `LiveActor`, `OneActor` or `TickActor`.
 *
 * @typeParam State plain data that survives `structuredClone` and JSON unchanged.
 * @typeParam Events a map from event names to payloads.
 */
export abstract class ActorBase<State extends object, Events extends object> {
  declare readonly [ACTOR_TYPES]?: { state: State; events: Events };

  /**
   * Returns the state before the first event. It is called without arguments and must always return the same for the
   * same id.
   */
  abstract initialState(): State;

  /** Called after loading and before the first command. It runs as a turn of its own and may fire events. */
  onActivate?(): void | Promise<void>;

  /**
   * Called before the activation ends. It runs as a turn of its own and may fire events. On shutdown it has
   * `shutdownTimeoutMs` milliseconds; then it is cut off and what it fired is not stored.
   */
  onPassivate?(): void | Promise<void>;

  /**
   * The id with which the actor was requested, without the class's `prefix`. It is not known in the constructor yet.
   */
  protected get id(): string {
    return contextOf(this).id;
  }

  /** A live view of the state, pending events included. Only event handlers may write to it. */
  protected get state(): State {
    return contextOf(this).state as State;
  }

  protected set state(state: State) {
    contextOf(this).replaceState(state);
  }

  /**
   * Fires an event. It is serialised and applied to the state at once, and stored when the command returns. If the
   * command throws, the event is discarded.
   *
   * @param name one of the class's event names.
   * @param data the payload, as plain data. It may be left out if the payload needs no properties.
   * @throws SchemaError (`SCHEMA_MISMATCH`) when the class has a schema for the event and the payload does not fit.
   * @throws PayloadError (`PAYLOAD_NOT_JSON`) when the payload would not survive JSON unchanged.
   * @throws HandlerError (`HANDLER_FAILED`) when the class's handler of the event throws.
   * @throws TurnError (`NO_TURN`) outside a running command.
   */
  protected fire<Name extends FiredName<Events>>(name: Name, ...data: PayloadArgument<Events[Name]>): void {
    contextOf(this).fire(name, data.length === 0 ? {} : data[0]);
  }

  /**
   * Listens to a stream, or to event names across all streams, from code. `@ListenTo` describes the guarantees.
   *
   * The actor's stream stores how far the listener has come, under the handler's name (or `options.name`) and the
   * source. After a restart, the same call in `onActivate` continues from there. A call inside a command keeps the
   * actor loaded until the listener ends, and does not survive a restart.
   *
   * @param source a stream id, or `{ event: 'name' }`.
   * @param handler gets one event at a time, in order. It may fire events.
   * @returns a handle whose `stop()` ends the listener for good.
   * @throws TurnError (`NO_TURN`) outside a turn.
   * @throws InvalidIdError (`INVALID_ID`) when the stream id cannot be used.
   * @throws OmniscientError (`INVALID_LISTENER`) for invalid options, or (`ALREADY_LISTENING`) when the listener
   *   already exists.
   */
  protected listenTo<Event extends StoredEvent = StoredEvent>(
    source: ListenSource,
    handler: ListenHandler<Event>,
    options: ListenToOptions = {},
  ): Listening {
    return contextOf(this).listenTo(source, handler as ListenHandler, options);
  }

  /**
   * Stores what this command has fired so far, for long-running commands. Later events become a commit of their own.
   *
   * @returns a promise that resolves when the events are stored. It rejects when they could not be stored; the command
   *   then fails as well.
   * @throws TurnError (`NO_TURN`) outside a running command, in a reaction, and in a command with an idempotency key.
   */
  protected commit(): Promise<void> {
    return contextOf(this).commit();
  }
}

abstract class LocalActor<State extends object, Events extends object> extends ActorBase<State, Events> {}

/**
 * Both a decorator and a base class. `@Actor({ … })` makes a class an actor. `extends Actor` is the plainest kind: it
 * runs commands one at a time on this node and appends without checking the version. Events that others store on its
 * stream are seen when it is loaded again.
 *
 * As a decorator, it is checked when the class is registered, which throws RegistrationError (such as
 * `INVALID_OPTION`).
 */
export const Actor = new Proxy(LocalActor, {
  apply: (_base, _this, [options]: [ActorOptions?]) => {
    return (actorClass: abstract new (...args: never[]) => unknown) => markActorClass(actorClass, options ?? {});
  },
}) as typeof LocalActor &
  (<Schemas extends EventSchemas = Record<never, never>>(options?: ActorOptions<Schemas>) => ActorDecorator<Schemas>);

/** The type of `@Actor()`. It accepts only classes that extend an actor base and whose events fit the schemas. */
export type ActorDecorator<Schemas = Record<never, never>> = <A extends ActorBase<object, object>>(
  actorClass: abstract new (...args: never[]) => A & SchemasFit<A, Schemas>,
) => void;

/**
 * An actor that is live on every node. Commands run where they are given, on confirmed and pending state, and are
 * stored at the expected version. Events that other nodes store arrive at once. On a conflict, the command's
 * `onConflict` decides what happens.
 */
export abstract class LiveActor<State extends object, Events extends object> extends ActorBase<State, Events> {}

/**
 * An actor that one node leads at a time, and that is live on every node. A command may be given on any node; the
 * leader runs it, stores its events and answers. No state is visible before it is stored. When the leader dies, the
 * next command elects another node. Arguments and answers travel as JSON.
 *
 * `onActivate` runs on the leader, when it takes over. `onPassivate` runs when the activation ends on the node that
 * leads.
 */
export abstract class OneActor<State extends object, Events extends object> extends ActorBase<State, Events> {
  declare readonly [ACTOR_TYPES]?: { state: State; events: Events; kind: 'one' };
}

/**
 * A `LiveActor` that ticks. While it ticks, a `tick` event is stored at each interval, once in the whole cluster, on
 * any node that is alive. Handle it with `@EventHandler() tick({ n, missed }: Tick)`.
 */
export abstract class TickActor<State extends object, Events extends object> extends LiveActor<
  State,
  Events & TickEvents
> {
  /**
   * Starts ticking. Two ticks are never closer together than `everyMs`. The setting is stored as an event, so it
   * survives restarts. Calling this again with the same options changes nothing; other options start anew with `n` 1.
   *
   * @param options `everyMs` in milliseconds, from 10 to about ten years; `count`, a whole number from 1 on (default:
   *   unlimited).
   * @throws TurnError (`NO_TURN`) outside a running command.
   * @throws OmniscientError (`INVALID_TICKING`) when an option is out of range.
   */
  protected startTicking(options: TickOptions): void {
    contextOf(this).startTicking(options);
  }

  /**
   * Stops ticking. It does nothing if the actor does not tick.
   *
   * @throws TurnError (`NO_TURN`) outside a running command.
   */
  protected stopTicking(): void {
    contextOf(this).stopTicking();
  }
}

/** An actor class that can be requested: `User` in `@InjectActor(User)`. */
export type ActorClass<A extends ActorBase<object, object> = ActorBase<object, object>> = new (...args: never[]) => A;

/** Gives the instance its context. Its activation calls this once. */
export function bindContext(actor: ActorBase<object, object>, context: ActorContext): void {
  Object.defineProperty(actor, CONTEXT, { value: context });
}

/** The context that the instance was bound to. @throws Error when it has none. */
export function contextOf(actor: object): ActorContext {
  const context = (actor as { [CONTEXT]?: ActorContext })[CONTEXT];
  if (context) return context;
  throw new Error(
    `${actor.constructor.name} was created with 'new', or its constructor still runs: id, state, fire and commit work only in an actor that ` +
      'its repository has loaded. Get one with repository.get(id).',
  );
}
