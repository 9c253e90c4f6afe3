import type { ActorClass } from '../../kernel/declaring/actor.js';
import type { LoadedSubject, Subject } from '../world/subject.js';
import type { World } from '../world/world.js';

/** A whole `Given … When … Then`, before it is played. Never changed: a step added gives another plan. */
export interface Plan {
  readonly description: string | undefined;
  readonly events: readonly GivenEvent[];
  /** Injected parts, by token. */
  readonly parts: ReadonlyMap<unknown, unknown>;
  /** What injected `Ids` give, if the test chose. */
  readonly ids: readonly string[] | undefined;
  readonly steps: readonly Step[];
}

/** An event of an actor's past. */
export interface GivenEvent {
  readonly name: string;
  /** Default `{}`. */
  readonly data?: unknown;
}

export interface Step {
  readonly kind: 'setting' | 'when' | 'check' | 'throws';
  /** As failures of later steps quote it. */
  readonly text: string;
  /** Whom it names: it is known to the node from the beginning, and so hears what others do before that. */
  readonly actorClass?: ActorClass | undefined;
  /** Where the test wrote it: a stack trace. */
  readonly writtenAt: { readonly stack?: string };
  /** @param errorIsExpected whether a `ThenThrows` looks at what this `When` throws. */
  readonly play: (course: Course, errorIsExpected: boolean) => void | Promise<void>;
}

/** How far a plan has been played. */
export interface Course {
  readonly world: World;
  /** Of the last `When`. */
  outcome: Outcome | undefined;
}

/** How a command ended. */
export interface Outcome {
  readonly subject: Subject;
  /** Absent when loading failed. */
  readonly loaded: LoadedSubject | undefined;
  /** As in `User.login`. */
  readonly command: string;
  readonly end: { readonly returned: unknown } | { readonly threw: unknown };
}

/** A step that did not hold; becomes an `AssertionError` that tells the whole course. */
export class StepFailure extends Error {
  readonly detail: string;
  readonly expected: unknown;
  readonly actual: unknown;

  /** @param message the last line of the course: what went wrong, where. */
  constructor(message: string, facts: { detail?: string; expected?: unknown; actual?: unknown; cause?: unknown } = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.detail = facts.detail ?? '';
    this.expected = facts.expected;
    this.actual = facts.actual;
  }
}
