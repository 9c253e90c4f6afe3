import { AssertionError } from 'node:assert';
import { HandlerError, isInstance, propertyOf } from '../../kernel/values/index.js';
import { World } from '../world/index.js';
import { type Course, type Plan, type Step, StepFailure } from './plan.js';

/** Plays a plan in a world of its own. @throws AssertionError for a step that does not hold. */
export async function play(plan: Plan): Promise<void> {
  const world = new World(plan);
  try {
    await world.start();
    await playSteps(plan, { world, outcome: undefined });
  } finally {
    await world.stop();
  }
}

/** Most names of given events in a failure. */
const NAMES_SHOWN_MAX = 5;

async function playSteps({ steps, ...plan }: Plan, course: Course): Promise<void> {
  for (const [index, step] of steps.entries()) {
    try {
      await step.play(course, isErrorExpected(steps.slice(index + 1)));
    } catch (error) {
      if (!isInstance(error, StepFailure)) throw error;
      throw assertionError(error, step, [givenText(plan), ...steps.slice(0, index).map(({ text }) => text)]);
    }
  }
}

/** Whether a `ThenThrows` comes before the next `When`. */
function isErrorExpected(following: readonly Step[]): boolean {
  const decisive = following.find(({ kind }) => kind === 'when' || kind === 'throws');
  return decisive?.kind === 'throws';
}

/** @param course the lines for the steps that went well. */
function assertionError(failure: StepFailure, step: Step, course: readonly string[]): AssertionError {
  const { detail, expected, actual, cause } = failure;
  const whole = [...course, failure.message, ...(detail === '' ? [] : ['', detail])].join('\n');
  const message = whole.replaceAll(/\n(?!\n)/g, '\n  ');
  // With the operator of `assert.fail`. For others, some runners would repeat both values and diff them again.
  const error = new AssertionError({ message, expected, actual, operator: 'fail' });
  if (cause !== undefined) error.cause = cause;
  // The stack points to where the test wrote the step, or where the actor threw, and not into this library.
  const frames = framesOf(cause) || framesOf(step.writtenAt);
  error.stack = `${error.name} [${error.code}]: ${message}\n${frames}`;
  return error;
}

function framesOf(thrown: unknown): string {
  const stack = propertyOf(isInstance(thrown, HandlerError) ? thrown.cause : thrown, 'stack');
  return typeof stack === 'string' ? (/^\s+at .*/ms.exec(stack)?.[0] ?? '') : '';
}

function givenText({ description, events }: Omit<Plan, 'steps'>): string {
  if (description !== undefined) return `Given ${description}`;
  if (events.length === 0) return 'Given nothing';
  const names = events.slice(0, NAMES_SHOWN_MAX).map(({ name }) => name);
  return `Given ${names.join(', ')}${events.length > names.length ? ` and ${events.length - names.length} more` : ''}`;
}
