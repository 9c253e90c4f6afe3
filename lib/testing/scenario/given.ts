import type {
  ActorBase,
  ActorClass,
  CommandArguments,
  CommandName,
  CommandResult,
  StateOf,
} from '../../kernel/declaring/index.js';
import type { Expected, ExpectedError, ExpectedEvent, ExpectedState } from '../comparing/index.js';
import type { Time } from '../world/index.js';
import type { GivenEvent } from './plan.js';
import { Scenario } from './scenario.js';

/**
 * Begins a test of actors with what happened before. The chain that follows runs real actors in a node of its own, in
 * memory, under any test runner. No Nest application is needed. Await the chain or return it: it is then played once,
 * in order.
 *
 * @param description what the events mean, for failures.
 * @param events the past of the stream, oldest first. They are stored in the stream of the first class that is named.
 * @throws AssertionError, when the chain is awaited, for a step that does not hold.
 */
export function Given(description: string, events?: readonly GivenEvent[]): GivenStage;
export function Given(events?: readonly GivenEvent[]): GivenStage;
export function Given(first?: string | readonly GivenEvent[], events?: readonly GivenEvent[]): GivenStage {
  const description = typeof first === 'string' ? first : undefined;
  const past = (typeof first === 'string' ? events : first) ?? [];
  return new Scenario({ description, events: past, parts: new Map(), ids: undefined, steps: [] });
}

type AnyActor = ActorBase<object, object>;

/** The class by which something is injected. The test may give any object with the methods that are used. */
export type PartToken<T> = abstract new (...args: never[]) => T;

/** The steps before the first command, and the first command itself. */
export interface GivenStage extends Promise<void> {
  /**
   * Injects `part` wherever `token` is asked for: a class, or what `@Inject()` names. `Clock` and `Ids` are the test's
   * own unless they are given. A class for which nothing is given is created with `new`.
   */
  With<T extends object>(token: PartToken<T>, part: Partial<T>): GivenStage;
  With(token: string | symbol, part: unknown): GivenStage;
  /** The ids that injected `Ids` give, in order. Default: those of `SequentialIds`. */
  WithIds(...ids: string[]): GivenStage;
  /** The id of the actors under test. Default `'actor-1'`. */
  As(id: string): GivenStage;
  /**
   * Sets the clock. The given events happened at this time, unless time passed since. Default: the beginning of 2020,
   * UTC.
   */
  At(time: Time): GivenStage;
  /** Lets time pass after the given events. Milliseconds. */
  After(ms: number): GivenStage;
  /**
   * Gives a command, and waits for its end and for everything that it causes. The reactions of others are stored before
   * the next step.
   */
  When<A extends AnyActor, Name extends CommandName<A>>(
    actorClass: ActorClass<A>,
    command: Name,
    ...args: CommandArguments<A, Name>
  ): WhenStage<A, A, CommandResult<A, Name>>;
  /** Compares the given keys with the state of this class after the given events. See `WhenStage`. */
  AndState<A extends AnyActor>(actorClass: ActorClass<A>, expected: ExpectedState<StateOf<A>>): GivenStage;
}

/**
 * The steps after a command. A command that throws fails the test, unless a `ThenThrows` follows before the next
 * `When`. After every command, the actors seen so far are also loaded again from what is stored: the test fails if the
 * state is not the same. It also fails if a reaction throws or does not end.
 *
 * @typeParam A the last command's actor.
 * @typeParam Seen all actors so far.
 * @typeParam Result what the last command returns.
 */
export interface WhenStage<A extends AnyActor, Seen extends AnyActor, Result> extends Promise<void> {
  /** Continues with the actors of this id. */
  As(id: string): WhenStage<A, Seen, Result>;
  /** Sets the clock. Nobody ticks because of that. */
  At(time: Time): WhenStage<A, Seen, Result>;
  /** Lets time pass, with every tick that is due. Milliseconds. */
  After(ms: number): WhenStage<A, Seen, Result>;
  /** Gives another command, of the same class or of another one on the same stream. */
  When<B extends AnyActor, Name extends CommandName<B>>(
    actorClass: ActorClass<B>,
    command: Name,
    ...args: CommandArguments<B, Name>
  ): WhenStage<B, Seen | B, CommandResult<B, Name>>;
  /**
   * Expects exactly these events, in this order, since the last `Then` (or since the given ones). Matchers may stand
   * for any part of the data. Without `data`, only the name counts.
   *
   * @typeParam Others classes that fired some of them although the test gave them no command.
   */
  Then<Others extends AnyActor = never>(expected: readonly ExpectedEvent<Seen | Others>[]): WhenStage<A, Seen, Result>;
  /**
   * Expects these keys in the state of the last command's actor (or of another class with that id), each exactly as
   * given. Other keys do not count.
   */
  AndState(expected: ExpectedState<StateOf<A>>): WhenStage<A, Seen, Result>;
  AndState<B extends AnyActor>(
    actorClass: ActorClass<B>,
    expected: ExpectedState<StateOf<B>>,
  ): WhenStage<A, Seen, Result>;
  /**
   * Expects that the last command threw this (or that its actor could not be loaded). Without an argument, any error
   * will do.
   */
  ThenThrows(expected?: ExpectedError): WhenStage<A, Seen, Result>;
  /** Expects that the last command returned this. */
  AndReturns(expected: Expected<Result>): WhenStage<A, Seen, Result>;
}
