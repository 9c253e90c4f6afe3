import type { ActorClass } from '../../kernel/declaring/index.js';
import type { LoadedSubject, Subject, World } from '../world/index.js';

/** A whole `Given … When … Then`, before it is played. It never changes: adding a step makes another plan. */
export interface Plan {
  readonly description: string | undefined;
  readonly events: readonly GivenEvent[];
  /** Injected parts, by token. */
  readonly parts: ReadonlyMap<unknown, unknown>;
  /** The ids that injected `Ids` give, if the test chose them. */
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
  /** The step, as failures of later steps show it. */
  readonly text: string;
  /**
   * The class that the step names. The node knows it from the beginning, so it hears what others do before this step.
   */
  readonly actorClass?: ActorClass | undefined;
  /** A stack trace of where the test wrote the step. */
  readonly writtenAt: { readonly stack?: string };
  /** @param errorIsExpected whether a `ThenThrows` checks what this `When` throws. */
  readonly play: (course: Course, errorIsExpected: boolean) => void | Promise<void>;
}

/** How far a plan has been played. */
export interface Course {
  readonly world: World;
  /** The outcome of the last `When`. */
  outcome: Outcome | undefined;
}

/** How a command ended. */
export interface Outcome {
  readonly subject: Subject;
  /** Absent if loading failed. */
  readonly loaded: LoadedSubject | undefined;
  /** For example `User.login`. */
  readonly command: string;
  readonly end: { readonly returned: unknown } | { readonly threw: unknown };
}

/** A step that did not hold. It becomes an `AssertionError` that shows the whole course. */
export class StepFailure extends Error {
  readonly detail: string;
  readonly expected: unknown;
  readonly actual: unknown;

  /** @param message the last line of the course: what went wrong, and where. */
  constructor(message: string, facts: { detail?: string; expected?: unknown; actual?: unknown; cause?: unknown } = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.detail = facts.detail ?? '';
    this.expected = facts.expected;
    this.actual = facts.actual;
  }
}
