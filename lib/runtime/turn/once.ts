import { contextOf } from '../../kernel/declaring/index.js';
import type { CommandDefinition } from '../../kernel/defining/index.js';
import { ONCE_KEY_LENGTH_MAX, type OnceAnswer } from '../../kernel/framework/index.js';
import { OmniscientError, shownText, textFault } from '../../kernel/values/index.js';
import { commandNameOf, isOnce, ONCE } from './command-names.js';

/**
 * Wraps a command so that it takes an idempotency key as its first argument. Given twice it takes effect once, and both
 * calls get the same answer.
 */
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

/** Runs a command under a key. */
interface OnceContext {
  once(key: string, command: string, run: () => unknown): unknown;
}

/** The command with an idempotency key that a name stands for; `undefined` if it stands for none. */
export function onceNamed(
  name: string,
  commands: ReadonlyMap<string, CommandDefinition>,
): CommandDefinition | undefined {
  const command = isOnce(name) ? commands.get(commandNameOf(name)) : undefined;
  return command && onceCommand(command);
}

/** Checks an idempotency key. @throws OmniscientError (`INVALID_KEY`). */
export function assertKey(key: unknown): asserts key is string {
  const fault = textFault(key, ONCE_KEY_LENGTH_MAX);
  if (fault !== undefined) throw new OmniscientError('INVALID_KEY', `the idempotency key ${shownText(key)} ${fault}`);
}

/**
 * Checks that a key is used for one command only. Another command's answer would claim that something was done that was
 * not. @throws OmniscientError (`KEY_REUSED`).
 */
export function assertSameCommand(label: string, key: string, command: string, known: OnceAnswer): void {
  // Old answers lack the command's name; they may belong to any command.
  if (known.command === undefined || known.command === command) return;
  const message =
    `${label}: '${command}' was given with the idempotency key '${key}', which was used for '${known.command}' before. It was not run: ` +
    'use a key of its own for each command';
  throw new OmniscientError('KEY_REUSED', message);
}

/** Whether the answer that was given is still the stored one. */
export function isSameAnswer(given: OnceAnswer, present: OnceAnswer | undefined): boolean {
  return present !== undefined && JSON.stringify(given.answer) === JSON.stringify(present.answer);
}
