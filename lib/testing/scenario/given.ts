import type { ActorBase, ActorClass } from '../../kernel/declaring/actor.js';
import type { CommandArguments, CommandName, CommandResult, StateOf } from '../../kernel/declaring/types.js';
import type { Expected, ExpectedError, ExpectedEvent, ExpectedState } from '../comparing/expected.js';
import type { Time } from '../world/manual-clock.js';
import type { GivenEvent } from './plan.js';
import { Scenario } from './scenario.js';

/**
 * Begins a test of actors: what happened before. The chain that follows runs real actors in a node of its own, in memory, under any test runner;
 * no Nest application is needed. Await it (or return it): it is played once, from the beginning, in its order.
 *
 * @param description what the events mean, for failures.
 * @param events the past of the stream, oldest first; they go to the stream of the first class that is named.
 */
export function Given(description: string, events?: readonly GivenEvent[]): GivenStage;
export function Given(events?: readonly GivenEvent[]): GivenStage;
export function Given(first?: string | readonly GivenEvent[], events?: readonly GivenEvent[]): GivenStage {
  const description = typeof first === 'string' ? first : undefined;
  const past = (typeof first === 'string' ? events : first) ?? [];
  return new Scenario({ description, events: past, parts: new Map(), ids: undefined, steps: [] });
}

type AnyActor = ActorBase<object, object>;

/** Something that is injected by a class; the test may give any object that has the methods which are used. */
export type PartToken<T> = abstract new (...args: never[]) => T;

/** What can be said before the first command, and the first command itself. */
export interface GivenStage extends Promise<void> {
  /**
   * Injects this wherever `token` is asked for: a class, or what `@Inject()` names. `Clock` and `Ids` are the test's own unless they are given;
   * a class that nothing is given for is made with `new`.
   */
  With<T extends object>(token: PartToken<T>, part: Partial<T>): GivenStage;
  With(token: string | symbol, part: unknown): GivenStage;
  /** What injected `Ids` give, in order. Default: those of `SequentialIds`. */
  WithIds(...ids: string[]): GivenStage;
  /** The id of the actors under test. Default `'actor-1'`. */
  As(id: string): GivenStage;
  /** Sets the clock; the given events happened then, unless time passed since. Default: the beginning of 2020, UTC. */
  At(time: Time): GivenStage;
  /** Lets so many milliseconds pass after the given events. */
  After(ms: number): GivenStage;
  /** Gives a command, and waits for its end and that of all it sets off: what others react with is stored before the next step. */
  When<A extends AnyActor, Name extends CommandName<A>>(
    actorClass: ActorClass<A>,
    command: Name,
    ...args: CommandArguments<A, Name>
  ): WhenStage<A, A, CommandResult<A, Name>>;
  /** Compares the keys given with the state of this class after the given events; see `WhenStage`. */
  AndState<A extends AnyActor>(actorClass: ActorClass<A>, expected: ExpectedState<StateOf<A>>): GivenStage;
}

/**
 * What can be said after a command. A command that throws fails the test, unless a `ThenThrows` follows before the next `When`. After every
 * command the actors seen so far are also loaded again from what is stored: a state that is not the same fails the test. So do reactions that throw, or
 * that have no end.
 *
 * @typeParam A the last command's actor.
 * @typeParam Seen all actors so far.
 * @typeParam Result what the last command returns.
 */
export interface WhenStage<A extends AnyActor, Seen extends AnyActor, Result> extends Promise<void> {
  /** From now on the actors with this id. */
  As(id: string): WhenStage<A, Seen, Result>;
  /** Sets the clock. Nobody ticks for that. */
  At(time: Time): WhenStage<A, Seen, Result>;
  /** Lets so many milliseconds pass, with every tick that is due in them. */
  After(ms: number): WhenStage<A, Seen, Result>;
  /** Gives another command, of the same class or of another one on the same stream. */
  When<B extends AnyActor, Name extends CommandName<B>>(
    actorClass: ActorClass<B>,
    command: Name,
    ...args: CommandArguments<B, Name>
  ): WhenStage<B, Seen | B, CommandResult<B, Name>>;
  /**
   * These events, all of them and in this order, were stored since the last `Then` (or since the given ones). Matchers may stand for any part of
   * the data; without `data` only the name counts.
   *
   * @typeParam Others classes that fired some of them although the test gave them no command.
   */
  Then<Others extends AnyActor = never>(expected: readonly ExpectedEvent<Seen | Others>[]): WhenStage<A, Seen, Result>;
  /** The state of the last command's actor (or of another class with that id) has these keys, each exactly as given; its other keys don't count. */
  AndState(expected: ExpectedState<StateOf<A>>): WhenStage<A, Seen, Result>;
  AndState<B extends AnyActor>(
    actorClass: ActorClass<B>,
    expected: ExpectedState<StateOf<B>>,
  ): WhenStage<A, Seen, Result>;
  /** The last command threw (or its actor could not be loaded); without an argument, whatever it was. */
  ThenThrows(expected?: ExpectedError): WhenStage<A, Seen, Result>;
  /** The last command returned this. */
  AndReturns(expected: Expected<Result>): WhenStage<A, Seen, Result>;
}
