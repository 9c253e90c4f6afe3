import type { EventName, EventsOf } from '../../kernel/declaring/index.js';
import type { KindMatcher } from './kinds.js';

/**
 * An expected value: the value itself, a matcher such as `'{string}'`, a matcher of the test runner, or the same for
 * its parts.
 */
export type Expected<T> =
  | T
  | KindMatcher
  | AsymmetricMatcher
  | (T extends readonly (infer Item)[]
      ? readonly Expected<Item>[]
      : T extends object
        ? { readonly [Key in keyof T]: Expected<T[Key]> }
        : never);

/** A test runner's own matcher, such as Jest's `expect.any(Number)`. */
export interface AsymmetricMatcher {
  asymmetricMatch(actual: unknown): boolean;
}

/** An event that should have been fired. Without `data`, only its name is compared. */
export type ExpectedEvent<A> = A extends unknown
  ? {
      [Name in EventName<EventsOf<A>>]: { readonly name: Name; readonly data?: Expected<EventsOf<A>[Name]> };
    }[EventName<EventsOf<A>>]
  : never;

/** Some keys of a state. `undefined` means that the key must be absent. */
export type ExpectedState<State> = { readonly [Key in keyof State]?: Expected<State[Key]> | undefined };

/**
 * What a command should throw: an instance of this class, an error whose message contains this text or matches this
 * expression, or an error with these properties (which may be matchers).
 */
export type ExpectedError =
  | (abstract new (
      ...args: never[]
    ) => object)
  | string
  | RegExp
  | { readonly [property: string]: unknown };
