import { CommitTimeoutError, EngineError, OmniscientError } from '../../kernel/values/errors.js';
import { isInstance } from '../../kernel/values/thrown.js';

/** Whether it is not the handler's own fault and goes by itself: that counts as no try. */
export function isTransient(error: unknown): boolean {
  return isInstance(error, OmniscientError) && error.retryable;
}

/** Whether the store could not be reached, which is nobody's fault, however long it takes. */
export function isOutage(error: unknown): boolean {
  if (isInstance(error, CommitTimeoutError) || (isInstance(error, EngineError) && error.retryable)) return true;
  return isInstance(error, OmniscientError) && (error.code === 'NO_LEADER' || error.code === 'OUTCOME_UNKNOWN');
}
