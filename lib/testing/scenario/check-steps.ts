import { types } from 'node:util';
import type { ActorClass } from '../../kernel/declaring/index.js';
import { isInstance, messageOf } from '../../kernel/values/index.js';
import {
  actualOf,
  type Comparison,
  compare,
  compareGivenKeys,
  type ExpectedError,
  errorText,
  expectedOf,
  firstDifference,
  KIND_NAMES,
  lineDiff,
  sentenceOf,
  short,
} from '../comparing/index.js';
import { type Course, type GivenEvent, type Outcome, type Step, StepFailure } from './plan.js';
import { assertReplayable } from './replay-check.js';
import { settle } from './settling.js';

/** Compares the events stored since the last step of this kind. */
export function thenStep(expected: readonly GivenEvent[]): Check {
  const names = expected.map(({ name }) => name).join(', ');
  return {
    kind: 'check',
    text: `Then ${names || 'no event'}`,
    play: async ({ world }) => {
      const fired = (await world.newEvents()).map(({ name, data }) => ({ name, data: JSON.parse(data) as unknown }));
      // Without `data`, any data matches.
      const wanted = expected.map(({ name, data = '{any}' }) => ({ name, data }));
      assertSame(compare(wanted, fired), 'Then events', 'fired');
    },
  };
}

type Check = Omit<Step, 'writtenAt'>;

/** Compares the given keys with those of a state: that of `actorClass`, or of the last command's actor. */
export function stateStep(actorClass: ActorClass | undefined, expected: object): Check {
  const text = `And ${actorClass ? `${actorClass.name}'s ` : ''}state ${short(expected)}`;
  return {
    kind: 'check',
    text,
    actorClass,
    play: async (course) => {
      const { world } = course;
      const subject = actorClass ? await world.subject(actorClass) : lastOutcome(course, 'AndState').subject;
      const { ref, definition } = await world.load(subject);
      // An actor that is loaded only now hears what it has missed.
      await settle(world, text);
      assertSame(compareGivenKeys(expected, ref.state), `And ${definition.name}'s state`, 'actual');
      await assertReplayable(world, text);
    },
  };
}

/** Compares what the last command returned. */
export function returnsStep(expected: unknown): Check {
  return {
    kind: 'check',
    text: `And it returns ${short(expected)}`,
    play: (course) => {
      const { command, end } = lastOutcome(course, 'AndReturns');
      if ('threw' in end)
        throw new StepFailure(`And ${command} should return ${short(expected)}, but it threw ${errorText(end.threw)}`);
      assertSame(compare(expected, end.returned), 'And result', 'returned');
    },
  };
}

/** Checks what the last command threw. */
export function throwsStep(expected: ExpectedError | undefined): Check {
  const wanted = expected === undefined ? 'an error' : errorWanted(expected);
  return {
    kind: 'throws',
    text: `Then it throws ${wanted}`,
    play: (course) => {
      const { command, end } = lastOutcome(course, 'ThenThrows');
      if ('returned' in end) {
        const message = `Then ${command} should throw ${wanted}, but it returned ${short(end.returned)}`;
        throw new StepFailure(message, { expected, actual: end.returned });
      }
      if (expected === undefined || isWanted(expected, end.threw)) return;
      if (isProperties(expected)) assertSame(compareProperties(expected, end.threw), 'Then error', 'thrown');
      const message = `Then ${command} should throw ${wanted}, but it threw ${errorText(end.threw)}`;
      throw new StepFailure(message, { expected, actual: end.threw, cause: end.threw });
    },
  };
}

/** @param what the beginning of the failure's line, before the path of what is compared. */
function assertSame(comparison: Comparison, what: string, side: string): void {
  const difference = firstDifference(comparison, what);
  if (!difference) return;
  throw new StepFailure(sentenceOf(difference), {
    detail: `- expected\n+ ${side}\n\n${lineDiff(comparison)}${misspeltMatcher(difference.comparison)}`,
    expected: expectedOf(comparison),
    actual: actualOf(comparison),
  });
}

function misspeltMatcher(comparison: Comparison): string {
  const expected = 'expected' in comparison ? comparison.expected : undefined;
  if (typeof expected !== 'string' || !/^\{\w+\}$/.test(expected) || KIND_NAMES.includes(expected)) return '';
  return `\n\n'${expected}' is not a matcher, so it was compared as a text. The matchers are ${KIND_NAMES.map((name) => `'${name}'`).join(', ')}.`;
}

const BUILT_IN_ERRORS = new Set([
  'Error',
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
  'URIError',
  'AggregateError',
]);

function lastOutcome({ outcome }: Course, step: string): Outcome {
  if (outcome) return outcome;
  throw new TypeError(
    `${step} looks at the last When, and there is none before it: write .When(Class, 'command') first`,
  );
}

function isWanted(expected: ExpectedError, error: unknown): boolean {
  const message = messageOf(error);
  if (typeof expected === 'string') return message.includes(expected);
  if (types.isRegExp(expected)) return expected.test(message);
  if (typeof expected !== 'function') return compareProperties(expected, error).is === 'same';
  return isInstance(error, expected as never) || isNodesOwn(error, expected);
}

/**
 * Some runners give each test file its own built-in classes. Errors that Node itself throws are instances of others
 * with the same name.
 */
function isNodesOwn(error: unknown, { name }: { readonly name: string }): boolean {
  if (!types.isNativeError(error) || !BUILT_IN_ERRORS.has(name)) return false;
  for (let p: unknown = error; p; p = Object.getPrototypeOf(p))
    if ((p as object).constructor.name === name) return true;
  return false;
}

/** An error inherits some of its properties from its class. */
function compareProperties(expected: object, error: unknown): Comparison {
  const found = Object.keys(expected).map((key) => [key, (Object(error) as Record<string, unknown>)[key]]);
  return compareGivenKeys(expected, Object.fromEntries(found));
}

function isProperties(expected: ExpectedError): expected is { readonly [property: string]: unknown } {
  return typeof expected === 'object' && !types.isRegExp(expected);
}

function errorWanted(expected: ExpectedError): string {
  if (typeof expected === 'function') return expected.name;
  return typeof expected === 'string'
    ? `an error with '${expected}' in its message`
    : `an error like ${short(expected)}`;
}
