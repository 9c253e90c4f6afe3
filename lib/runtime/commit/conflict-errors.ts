import { ConflictError, EngineError, OmniscientError, ShuttingDownError } from '../../kernel/values/errors.js';

/** What is told to whoever can't take their command to another node. */
export function ledElsewhere(label: string): ConflictError {
  return new ConflictError(
    `${label}: another node leads it now, and this could not be stored first: look at the new state and decide again`,
  );
}

/** What is told to whoever wants to store something at the version it expects, and finds that events before that are missing in the state. */
export function incomplete(label: string): ConflictError {
  return new ConflictError(
    `${label}: others stored events on its stream that its state does not have, so that nothing can be checked against it: it is loaded again; give the command again`,
  );
}

/**
 * What a command is told that failed after `commit()`: `retryable` says that the same call may be made again, and a part of this one may be stored. What
 * its own code throws is left as it is.
 */
export function afterPart(command: string, error: unknown): unknown {
  if (!(error instanceof OmniscientError && error.retryable && PASSING.has(error.constructor))) return error;
  const message = `'${command}' failed when a part of it may have been stored by commit(): look at the stream before you give it again: ${error.message}`;
  return new OmniscientError('COMMAND_INTERRUPTED', message, { cause: error });
}

const PASSING: ReadonlySet<unknown> = new Set([ConflictError, EngineError, ShuttingDownError]);

/** What a command is told that wants to fail on a conflict, or has to because a part of it is already stored. */
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
