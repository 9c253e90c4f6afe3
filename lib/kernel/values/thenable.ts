/**
 * Whether something is a promise in the eyes of `await`: also one of another realm or another library, and a query builder that begins its work when it is
 * waited for. Only looks at it. One whose `then` throws when it is looked at counts: as a promise it rejects.
 */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  try {
    return typeof (value as { then?: unknown }).then === 'function';
  } catch {
    return true;
  }
}

/**
 * What is waited for when this is waited for; `undefined` if it is there already. `then` is called once and at once, so that work that only begins with
 * that belongs to whoever asks here.
 */
export function promiseOf<T>(answer: T | PromiseLike<T>): Promise<T> | undefined {
  if (!isThenable(answer)) return undefined;
  return new Promise((resolve, reject) => {
    answer.then(resolve, reject);
  });
}

/** Goes on with an answer: at once, or when it is there. */
export function whenThere<T>(answer: unknown, next: (answer: unknown) => T): T | Promise<T> {
  return promiseOf(answer)?.then(next) ?? next(answer);
}

/** Nobody will wait for it: if it is a promise that was begun already, that it fails must not end the process. */
export function disown(value: unknown): void {
  try {
    // Works for promises of every realm, and begins nothing that waits to be asked.
    Promise.prototype.then.call(value, undefined, () => {});
  } catch {
    // It is none.
  }
}
