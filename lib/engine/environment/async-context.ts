import { AsyncResource } from 'node:async_hooks';

/**
 * A captured asynchronous context (the values that every `AsyncLocalStorage` has there), in which a function can run
 * later.
 */
export type AsyncContext = Pick<AsyncResource, 'runInAsyncScope'>;

/** The name that tools show for our asynchronous resources. */
const TYPE = 'omniscient-nest';

/** The context in which the library was imported. It belongs to no caller. */
const rootContext = new AsyncResource(TYPE);

/**
 * Captures the context of the calling code, for work that runs later on its behalf: a command that waits, a subscriber.
 */
export function callersContext(): AsyncContext {
  return new AsyncResource(TYPE);
}

/**
 * Runs work that has no caller, or several (a shared load, a wake-up, a tick, a reaction), in a context of its own.
 * Otherwise it would see the user, tenant or turn of whichever caller came first, and keep that in memory.
 */
export function detached<T>(run: () => T): T {
  // Each run gets a context of its own, so that `enterWith()` in one of them changes no other.
  return rootContext.runInAsyncScope(callersContext).runInAsyncScope(run);
}

/**
 * Calls a Node function that only begins something (a timer, a microtask). The callback later runs in the context of no
 * caller.
 */
export function withoutContext<Args extends unknown[], T>(begin: (...args: Args) => T, ...args: Args): T {
  return rootContext.runInAsyncScope(begin, undefined, ...args);
}
