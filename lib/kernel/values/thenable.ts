/**
 * Whether `await` would wait for this value: a promise of any realm or library, or a query builder that starts its work
 * when it is awaited. This only looks at the value. A value whose `then` property throws counts as well, because
 * awaiting it rejects.
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
 * The promise to wait for; `undefined` if the value is there already. `then` is called once and at once, so that work
 * which begins with that call belongs to the caller.
 */
export function promiseOf<T>(answer: T | PromiseLike<T>): Promise<T> | undefined {
  if (!isThenable(answer)) return undefined;
  return new Promise((resolve, reject) => {
    answer.then(resolve, reject);
  });
}

/** Continues with an answer: at once, or when it arrives. */
export function whenThere<T>(answer: unknown, next: (answer: unknown) => T): T | Promise<T> {
  return promiseOf(answer)?.then(next) ?? next(answer);
}

/**
 * Marks a value as one that nobody will wait for: if it is a promise that is already running, its rejection must not
 * end the process.
 */
export function disown(value: unknown): void {
  try {
    // This works for promises of every realm. It does not start a lazy thenable.
    Promise.prototype.then.call(value, undefined, () => {});
  } catch {
    // The value is not a promise.
  }
}
