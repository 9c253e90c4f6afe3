import { EngineError, OmniscientError } from '../../../kernel/values/index.js';
import type { CommandOutcome } from './commands.js';

/** Returns what an error says about the outcome of its command. */
export function outcomeOf(error: unknown): CommandOutcome {
  if (!(error instanceof OmniscientError)) return 'refused';
  if (IN_DOUBT.has(error.code)) return 'in doubt';
  if (error instanceof EngineError && error.outcomeUnknown) return 'in doubt';
  // The command was sent to a leader that never answered.
  if (error.code === 'NO_LEADER' && !error.retryable) return 'in doubt';
  return 'refused';
}

/** Errors that do not exclude that something was stored. */
const IN_DOUBT: ReadonlySet<string> = new Set([
  'COMMIT_TIMEOUT',
  'SHUTDOWN_INCOMPLETE',
  'COMMAND_INTERRUPTED',
  'OUTCOME_UNKNOWN',
  'ANSWER_LOST',
  'NODE_LOST',
]);
