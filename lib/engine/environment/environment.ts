/**
 * Everything that the library takes from the machine: time, timers, turns of the event loop, randomness. A node is
 * given one environment and asks nothing else, so that a simulation decides what happens when.
 */
export interface Environment {
  /** Milliseconds since 1970, for people to read. Somebody may set this clock, forwards or backwards. */
  now(): number;
  /** Milliseconds since some fixed moment. Nobody sets this clock, so waits and time-outs are measured by it. */
  monotonicMs(): number;
  /**
   * Calls once, after `ms` milliseconds or a little more. All callbacks of an environment run in the asynchronous
   * context of no caller.
   */
  setTimeout(callback: () => void, ms: number): Timer;
  /** Cancels a timer. It does nothing if the timer is `undefined` or has already been called. */
  clearTimeout(timer: Timer | undefined): void;
  /** Calls in the next turn of the event loop. */
  setImmediate(callback: () => void): void;
  /** Calls when the code that runs now has ended, before the next turn of the event loop. */
  queueMicrotask(callback: () => void): void;
  /** Keeps the process from ending by itself, until the returned function is called. */
  keepAlive(): () => void;
  /** A random number from 0 (included) to 1 (excluded). */
  random(): number;
  /** A new UUID. */
  uuid(): string;
}

/** A call that is due. */
export interface Timer {
  /** Lets the process end without waiting for this call. */
  unref(): Timer;
}

/** Resolves after `ms` milliseconds, and keeps the process alive until then. */
export function sleep(environment: Environment, ms: number): Promise<void> {
  return new Promise((resolve) => {
    environment.setTimeout(resolve, ms);
  });
}

/** Resolves after `ms` milliseconds, but lets the process end before that. Use it where nobody awaits the result. */
export function pause(environment: Environment, ms: number): Promise<void> {
  return new Promise((resolve) => {
    environment.setTimeout(resolve, ms).unref();
  });
}

/**
 * Resolves to whether `work` ends within `ms` milliseconds, and keeps the process alive until that is known.
 *
 * @throws what `work` throws in time.
 */
export async function endsWithin(environment: Environment, work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: Timer | undefined;
  const late = new Promise<false>((resolve) => {
    timer = environment.setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    environment.clearTimeout(timer);
  }
}

/** Keeps the process alive until `awaited` settles, even if nothing that it waits for would do so. */
export function keptAlive<T>(environment: Environment, awaited: Promise<T>): Promise<T> {
  const release = environment.keepAlive();
  awaited.then(release, release);
  return awaited;
}

/** Resolves in the next turn of the event loop, after timers and sockets had their turn. */
export function turnOfTheLoop(environment: Environment): Promise<void> {
  return new Promise((resolve) => environment.setImmediate(resolve));
}
