import { contextOf } from '../../kernel/declaring/actor.js';
import type { CommandDefinition } from '../../kernel/defining/actor-definition.js';
import { ONCE_KEY_LENGTH_MAX, type OnceAnswer } from '../../kernel/framework/once-answers.js';
import { OmniscientError } from '../../kernel/values/errors.js';
import { shownText, textFault } from '../../kernel/values/text.js';
import { commandNameOf, isOnce, ONCE } from './command-names.js';

/** The same command, with an idempotency key as its first argument: given twice it has effect once, and both calls get the same answer. */
export function onceCommand({ name, method, onConflict }: CommandDefinition): CommandDefinition {
  return {
    name: ONCE + name,
    onConflict,
    method(key, ...args) {
      const context = contextOf(this) as unknown as OnceContext;
      return context.once(key as string, name, () => method.apply(this, args));
    },
  };
}

/** What runs a command under a key. */
interface OnceContext {
  once(key: string, command: string, run: () => unknown): unknown;
}

/** The command that is meant by a name, if it is one with a key. */
export function onceNamed(
  name: string,
  commands: ReadonlyMap<string, CommandDefinition>,
): CommandDefinition | undefined {
  const command = isOnce(name) ? commands.get(commandNameOf(name)) : undefined;
  return command && onceCommand(command);
}

/** @throws OmniscientError (`INVALID_KEY`). */
export function assertKey(key: unknown): asserts key is string {
  const fault = textFault(key, ONCE_KEY_LENGTH_MAX);
  if (fault !== undefined) throw new OmniscientError('INVALID_KEY', `the idempotency key ${shownText(key)} ${fault}`);
}

/** One key is one command: the other's answer would say that something was done which was not. @throws OmniscientError (`KEY_REUSED`). */
export function assertSameCommand(label: string, key: string, command: string, known: OnceAnswer): void {
  // What was stored before commands were named may be any command's.
  if (known.command === undefined || known.command === command) return;
  const message =
    `${label}: '${command}' was given with the idempotency key '${key}', which '${known.command}' was given with before; nothing of it was run: ` +
    'give each command a key of its own';
  throw new OmniscientError('KEY_REUSED', message);
}

/** Whether what was answered is still what counts. */
export function isSameAnswer(given: OnceAnswer, present: OnceAnswer | undefined): boolean {
  return present !== undefined && JSON.stringify(given.answer) === JSON.stringify(present.answer);
}
