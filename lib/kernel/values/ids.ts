import { InvalidIdError, OmniscientError } from './errors.js';
import { EVENT_NAME_LENGTH_MAX, FRAMEWORK_EVENT_PREFIX, STREAM_ID_LENGTH_MAX } from './event.js';
import { shownText, textFault } from './text.js';

/**
 * Checks an actor's id and returns the name of its stream.
 *
 * @throws InvalidIdError when the id cannot be stored, is too long with its prefix, or begins with `$`.
 */
export function streamIdOf(actor: string, prefix: string, id: unknown): string {
  const fault = textFault(id, STREAM_ID_LENGTH_MAX - prefix.length);
  if (fault !== undefined) throw new InvalidIdError(`${actor}: the id ${shownText(id)} ${fault}`);
  if ((id as string).startsWith(FRAMEWORK_STREAM_PREFIX)) {
    throw new InvalidIdError(
      `${actor}: the id ${shownText(id)} begins with '${FRAMEWORK_STREAM_PREFIX}', which is reserved for the library's own streams: choose another id`,
    );
  }
  return prefix + (id as string);
}

/** Stream ids with this prefix belong to the framework (elections, projections). No actor can have such an id. */
export const FRAMEWORK_STREAM_PREFIX = '$';

/** Checks the id of a stream, prefix included, by the same rules. @throws InvalidIdError. */
export function checkedStreamId(streamId: unknown): string {
  const fault = textFault(streamId, STREAM_ID_LENGTH_MAX);
  if (fault !== undefined) throw new InvalidIdError(`the stream id ${shownText(streamId)} ${fault}`);
  if ((streamId as string).startsWith(FRAMEWORK_STREAM_PREFIX)) {
    throw new InvalidIdError(
      `the stream id ${shownText(streamId)} begins with '${FRAMEWORK_STREAM_PREFIX}': which is reserved for the library's own streams`,
    );
  }
  return streamId as string;
}

/** Checks the name of an event that a user fires. @throws OmniscientError (`INVALID_EVENT_NAME`). */
export function assertEventName(name: unknown): asserts name is string {
  const fault = eventNameFault(name);
  if (fault === undefined) return;
  throw new OmniscientError('INVALID_EVENT_NAME', `the event name ${shownText(name)} ${fault}`);
}

/** Says why a user's event cannot have this name; `undefined` if it can. */
export function eventNameFault(name: unknown): string | undefined {
  return nameFault(name, EVENT_NAME_LENGTH_MAX);
}

/** The same for any name that a user chooses and the library stores: of an actor, a projection, an election. */
export function nameFault(name: unknown, lengthMax: number): string | undefined {
  const fault = textFault(name, lengthMax);
  if (fault !== undefined) return fault;
  const isFrameworks = (name as string).startsWith(FRAMEWORK_EVENT_PREFIX);
  return isFrameworks
    ? `begins with '${FRAMEWORK_EVENT_PREFIX}', which is reserved for the library's own names`
    : undefined;
}
