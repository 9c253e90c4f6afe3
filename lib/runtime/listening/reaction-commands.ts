import type { OnConflict } from '../../kernel/declaring/marks.js';
import type { CommandDefinition } from '../../kernel/defining/actor-definition.js';
import { OmniscientError } from '../../kernel/values/errors.js';
import { REACTIONS } from '../turn/command-names.js';
import type { Delivery } from './delivery.js';

/** What a command of this name reacts to; nothing if it is no reaction. */
export function reactedTo(name: string, args: readonly unknown[]): Delivery | undefined {
  return REACTIONS.has(name) ? (args[name === '$retry' ? 1 : 0] as Delivery) : undefined;
}

/** The one that reacts, by the listener's `onConflict`: who leads the actor may be another node, which knows commands by name. */
export const REACT: Readonly<Record<OnConflict, string>> = {
  rerun: '$react',
  reapply: '$react-reapply',
  reject: '$react-reject',
};

/** A reaction ran before one that has to come first; it is tried again in its turn. */
export class OutOfOrderError extends OmniscientError {
  constructor(label: string, listener: string) {
    super('OUT_OF_ORDER', `${label}: '${listener}' was to hear an event before an earlier one`, { retryable: true });
  }
}

/** One of the framework's own. */
export function command(
  name: string,
  run: (...args: readonly unknown[]) => unknown,
  onConflict: OnConflict = 'reapply',
): CommandDefinition {
  return { name, method: (...args) => run(...args), onConflict };
}
