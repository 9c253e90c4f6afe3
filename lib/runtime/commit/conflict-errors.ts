import { ConflictError, EngineError, OmniscientError, ShuttingDownError } from '../../kernel/values/index.js';

/** The error for callers whose command cannot be forwarded to another node. */
export function ledElsewhere(label: string): ConflictError {
  return new ConflictError(
    `${label}: another node became its leader before this was stored: look at the new state and decide again`,
  );
}

/** The error for an append at an expected version while earlier events are missing in the state. */
export function incomplete(label: string): ConflictError {
  return new ConflictError(
    `${label}: other writers stored events on its stream that its state lacks, so versions cannot be checked. ` +
      'The actor is loaded again: give the command again',
  );
}

/**
 * The error of a command that failed after `commit()`. `retryable` would promise that the same call may be repeated,
 * but a part of this one may be stored. Errors of the command's own code are left as they are.
 */
export function afterPart(command: string, error: unknown): unknown {
  if (!(error instanceof OmniscientError && error.retryable && PASSING.has(error.constructor))) return error;
  const message = `'${command}' failed after commit() may have stored a part of it. Look at the stream before you give it again. The cause: ${error.message}`;
  return new OmniscientError('COMMAND_INTERRUPTED', message, { cause: error });
}

const PASSING: ReadonlySet<unknown> = new Set([ConflictError, EngineError, ShuttingDownError]);

/** The error of a command that chose to fail on a conflict, or must fail because a part of it is already stored. */
export function conflictOf(
  label: string,
  commit: { readonly request: { readonly name: string; readonly partlyCommitted: boolean } },
): ConflictError {
  const why = commit.request.partlyCommitted
    ? 'a part of it is already stored, so it cannot be run again'
    : "its onConflict is 'reject'";
  return new ConflictError(
    `${label}: others' events were stored before those of '${commit.request.name}', and ${why}: look at the new state and decide again`,
    { retryable: !commit.request.partlyCommitted },
  );
}
