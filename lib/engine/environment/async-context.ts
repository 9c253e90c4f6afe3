import { AsyncResource } from 'node:async_hooks';

/** A context (what every `AsyncLocalStorage` holds there) in which something can be run later. */
export type AsyncContext = Pick<AsyncResource, 'runInAsyncScope'>;

/** By this name tools that watch Node's asynchronous resources show ours. */
const TYPE = 'omniscient-nest';

/** The context of nobody: that in which the library was imported. */
const rootContext = new AsyncResource(TYPE);

/** The context of the calling code, for what it gives to be done later: a command that has to wait, a subscriber. */
export function callersContext(): AsyncContext {
  return new AsyncResource(TYPE);
}

/**
 * Runs what has no caller, or many (a load that several wait for, a wake-up, a tick, a reaction), in the context of nobody: else it would see the user, the
 * tenant or the turn of whoever happened to come first, and keep that alive.
 */
export function detached<T>(run: () => T): T {
  // A context of its own each time: whoever calls `enterWith()` in it changes no other.
  return rootContext.runInAsyncScope(callersContext).runInAsyncScope(run);
}

/** Calls a function of Node's that only begins something (a timer, a microtask): what that calls later has the context of nobody. */
export function withoutContext<Args extends unknown[], T>(begin: (...args: Args) => T, ...args: Args): T {
  return rootContext.runInAsyncScope(begin, undefined, ...args);
}
