import type { OnConflict } from '../../kernel/declaring/index.js';
import type { CommandDefinition } from '../../kernel/defining/index.js';
import { OmniscientError } from '../../kernel/values/index.js';
import { REACTIONS } from '../turn/index.js';
import type { Delivery } from './delivery.js';

/** The delivery that a command of this name reacts to; `undefined` if it is not a reaction. */
export function reactedTo(name: string, args: readonly unknown[]): Delivery | undefined {
  return REACTIONS.has(name) ? (args[name === '$retry' ? 1 : 0] as Delivery) : undefined;
}

/**
 * The command that runs a reaction, by the listener's `onConflict`. The leader may be another node, which finds
 * commands by name.
 */
export const REACT: Readonly<Record<OnConflict, string>> = {
  rerun: '$react',
  reapply: '$react-reapply',
  reject: '$react-reject',
};

/** A reaction ran before an earlier one. It is tried again in its turn. */
export class OutOfOrderError extends OmniscientError {
  constructor(label: string, listener: string) {
    super('OUT_OF_ORDER', `${label}: '${listener}' got an event before an earlier one; it is tried again in order`, {
      retryable: true,
    });
  }
}

/** Makes one of the framework's own commands. */
export function command(
  name: string,
  run: (...args: readonly unknown[]) => unknown,
  onConflict: OnConflict = 'reapply',
): CommandDefinition {
  return { name, method: (...args) => run(...args), onConflict };
}
