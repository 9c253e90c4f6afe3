import { config } from 'rxjs';
import { nestLog } from './nest-log.js';

/**
 * A subscriber that throws would otherwise end the process: RxJS throws such errors from a timer. Who has set a handler keeps it; ours stays until the last
 * application of this process has ended, for there is one for all.
 */
export function logUnhandledErrorsFor(application: object): void {
  running.add(application);
  if (config.onUnhandledError === null) config.onUnhandledError = logUnhandled;
}

/** The applications of this process that run. */
const running = new Set<object>();

export function endUnhandledErrorsFor(application: object): void {
  running.delete(application);
  if (running.size === 0 && config.onUnhandledError === logUnhandled) config.onUnhandledError = null;
}

function logUnhandled(error: unknown): void {
  nestLog().error('a subscriber threw; its subscription goes on', error);
}
