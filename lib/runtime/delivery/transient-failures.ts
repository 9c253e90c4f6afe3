import { CommitTimeoutError, EngineError, isInstance, OmniscientError } from '../../kernel/values/index.js';

/** Whether the failure is not the handler's own and goes away by itself. It does not count as a try. */
export function isTransient(error: unknown): boolean {
  return isInstance(error, OmniscientError) && error.retryable;
}

/** Whether the store could not be reached. Trying goes on for as long as that lasts. */
export function isOutage(error: unknown): boolean {
  if (isInstance(error, CommitTimeoutError) || (isInstance(error, EngineError) && error.retryable)) return true;
  return isInstance(error, OmniscientError) && (error.code === 'NO_LEADER' || error.code === 'OUTCOME_UNKNOWN');
}
