/**
 * All that the library takes from the machine it runs on: time, timers, turns of the event loop, randomness. A node is given one, and asks nothing else,
 * so that a simulation decides what happens when.
 */
export interface Environment {
  /** Milliseconds since 1970, for what people read. Somebody may set it, forwards or backwards. */
  now(): number;
  /** Milliseconds since some moment. Nobody sets it: waits and time-outs are measured by it. */
  monotonicMs(): number;
  /** Calls once, after so many milliseconds or a little more; as all of these, in the asynchronous context of nobody. */
  setTimeout(callback: () => void, ms: number): Timer;
  /** Does nothing if there is none, or if it has been called. */
  clearTimeout(timer: Timer | undefined): void;
  /** Calls in the next turn of the event loop. */
  setImmediate(callback: () => void): void;
  /** Calls when the code that runs now has ended, before the event loop turns. */
  queueMicrotask(callback: () => void): void;
  /** The process does not end by itself before the function that this returns is called. */
  keepAlive(): () => void;
  /** From 0 to below 1. */
  random(): number;
  /** An id that nobody else has: a UUID. */
  uuid(): string;
}

/** A call that will come. */
export interface Timer {
  /** The process may end without it. */
  unref(): Timer;
}

/** Resolves after so many milliseconds; the process does not end before that. */
export function sleep(environment: Environment, ms: number): Promise<void> {
  return new Promise((resolve) => {
    environment.setTimeout(resolve, ms);
  });
}

/** The same, but the process may end before that: for what nobody awaits. */
export function pause(environment: Environment, ms: number): Promise<void> {
  return new Promise((resolve) => {
    environment.setTimeout(resolve, ms).unref();
  });
}

/** Whether it ends within so many milliseconds; the process does not end before that is known. @throws what `work` throws in time. */
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

/** The process does not end while somebody waits for this, even if all that it waits for itself would not keep it. */
export function keptAlive<T>(environment: Environment, awaited: Promise<T>): Promise<T> {
  const release = environment.keepAlive();
  awaited.then(release, release);
  return awaited;
}

/** Resolves in the next turn of the event loop: timers and sockets come first. */
export function turnOfTheLoop(environment: Environment): Promise<void> {
  return new Promise((resolve) => environment.setImmediate(resolve));
}
