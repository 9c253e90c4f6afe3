import { CommitTimeoutError, EngineError, OmniscientError } from '../../kernel/errors.js';
import type { StoredFailure } from '../../kernel/hearing.js';

/** Longest stack that is kept, in UTF-16 code units. */
const STACK_LENGTH_MAX = 8_000;

/** What was thrown, as it is stored. */
export function storedFailure(error: unknown): StoredFailure {
  if (!(error instanceof Error)) return { name: typeof error, message: String(error) };
  const { name, message, stack } = error;
  const code = (error as { code?: unknown }).code;
  return {
    name,
    message,
    ...(typeof code === 'string' && { code }),
    ...(stack && { stack: stack.slice(0, STACK_LENGTH_MAX) }),
  };
}

/** Whether it is not the handler's own fault and goes by itself: that counts as no try. */
export function isPassing(error: unknown): boolean {
  return error instanceof OmniscientError && error.retryable;
}

/** Whether the store could not be reached, which is nobody's fault, however long it takes. */
export function isOutage(error: unknown): boolean {
  if (error instanceof CommitTimeoutError || (error instanceof EngineError && error.retryable)) return true;
  return error instanceof OmniscientError && (error.code === 'NO_LEADER' || error.code === 'OUTCOME_UNKNOWN');
}
