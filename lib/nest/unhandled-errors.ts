import { config } from 'rxjs';
import { nestLog } from './nest-log.js';

/**
 * Keeps the process alive when a subscriber throws: RxJS throws such errors from a timer. A handler that the user has
 * set (see `config.onUnhandledError` of RxJS) stays. Ours serves all applications of the process, until the last of
 * them ends.
 */
export function logUnhandledErrorsFor(application: object): void {
  running.add(application);
  if (config.onUnhandledError === null) config.onUnhandledError = logUnhandled;
}

/** The running applications of this process. */
const running = new Set<object>();

export function endUnhandledErrorsFor(application: object): void {
  running.delete(application);
  if (running.size === 0 && config.onUnhandledError === logUnhandled) config.onUnhandledError = null;
}

function logUnhandled(error: unknown): void {
  nestLog().error('a subscriber threw an error, and its subscription goes on: handle errors in the subscriber', error);
}
