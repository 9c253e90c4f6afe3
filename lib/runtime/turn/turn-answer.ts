import { unwrap } from '../../kernel/state/state-tree.js';
import type { Turn } from './turn.js';

/** The answer once it is there and all is done that must come before it; `undefined` if both are the case already. */
export function whenPrepared(turn: Turn, answer: unknown): Promise<unknown> | undefined {
  // What has to be waited for is a promise of ours by now.
  if (answer instanceof Promise) return answer.then((value) => turn.preparation?.then(() => value) ?? value);
  return turn.preparation?.then(() => answer);
}

/** An answer without live views of a state in it; or what is wrong with it: a getter of the user's that throws, or more depth than can be looked through. */
export function plainAnswer(answer: unknown): { readonly plain?: unknown; readonly error?: unknown } {
  try {
    return { plain: unwrap(answer) };
  } catch (error) {
    return { error: error ?? new TypeError('a getter in the answer of the command threw') };
  }
}

/** A promise whose failure, should nobody wait for it, must not end the process. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
