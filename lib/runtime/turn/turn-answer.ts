import { unwrap } from '../../kernel/state/index.js';
import type { Turn } from './turn.js';

/** The answer, once it is there and the turn's preparation is done; `undefined` if both are the case already. */
export function whenPrepared(turn: Turn, answer: unknown): Promise<unknown> | undefined {
  // Anything that must be waited for has been converted to a native promise.
  if (answer instanceof Promise) return answer.then((value) => turn.preparation?.then(() => value) ?? value);
  return turn.preparation?.then(() => answer);
}

/**
 * The answer without live views of a state, or an error: a getter of the user's threw, or the answer is nested too
 * deeply.
 */
export function plainAnswer(answer: unknown): { readonly plain?: unknown; readonly error?: unknown } {
  try {
    return { plain: unwrap(answer) };
  } catch (error) {
    return { error: error ?? new TypeError('the command returned a value with a getter that threw') };
  }
}

/** Marks a promise as handled, so that its failure does not end the process if nobody waits for it. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
