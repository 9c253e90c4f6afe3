import { EngineError, OmniscientError } from '../../../kernel/values/errors.js';
import type { CommandOutcome } from './commands.js';

/** What an error of a command says of it. */
export function outcomeOf(error: unknown): CommandOutcome {
  if (!(error instanceof OmniscientError)) return 'refused';
  if (IN_DOUBT.has(error.code)) return 'in doubt';
  if (error instanceof EngineError && error.outcomeUnknown) return 'in doubt';
  // It was sent to a leader that never answered.
  if (error.code === 'NO_LEADER' && !error.retryable) return 'in doubt';
  return 'refused';
}

/** Errors that do not say that nothing was stored. */
const IN_DOUBT: ReadonlySet<string> = new Set([
  'COMMIT_TIMEOUT',
  'SHUTDOWN_INCOMPLETE',
  'COMMAND_INTERRUPTED',
  'ANSWER_LOST',
  'NODE_LOST',
]);
