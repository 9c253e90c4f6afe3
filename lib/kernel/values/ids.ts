import { InvalidIdError, OmniscientError } from './errors.js';
import { EVENT_NAME_LENGTH_MAX, FRAMEWORK_EVENT_PREFIX, STREAM_ID_LENGTH_MAX } from './event.js';
import { shownText, textFault } from './text.js';

/**
 * Checks an actor's id and names its stream.
 *
 * @throws InvalidIdError when the id is no text that can be stored, is too long with its prefix, or begins with `$`.
 */
export function streamIdOf(actor: string, prefix: string, id: unknown): string {
  const fault = textFault(id, STREAM_ID_LENGTH_MAX - prefix.length);
  if (fault !== undefined) throw new InvalidIdError(`${actor}: the id ${shownText(id)} ${fault}`);
  if ((id as string).startsWith(FRAMEWORK_STREAM_PREFIX)) {
    throw new InvalidIdError(
      `${actor}: the id ${shownText(id)} begins with '${FRAMEWORK_STREAM_PREFIX}', as the library's own streams do: choose another`,
    );
  }
  return prefix + (id as string);
}

/** Streams whose ids begin with this are the framework's own (elections, projections): no actor can have such an id. */
export const FRAMEWORK_STREAM_PREFIX = '$';

/** Checks the name of a stream, prefix included; the same rules. @throws InvalidIdError. */
export function checkedStreamId(streamId: unknown): string {
  const fault = textFault(streamId, STREAM_ID_LENGTH_MAX);
  if (fault !== undefined) throw new InvalidIdError(`the stream id ${shownText(streamId)} ${fault}`);
  if ((streamId as string).startsWith(FRAMEWORK_STREAM_PREFIX)) {
    throw new InvalidIdError(
      `the stream id ${shownText(streamId)} begins with '${FRAMEWORK_STREAM_PREFIX}': that stream is the library's own`,
    );
  }
  return streamId as string;
}

/** Checks the name of an event that a user fires. @throws OmniscientError (`INVALID_EVENT_NAME`). */
export function assertEventName(name: unknown): asserts name is string {
  const fault = eventNameFault(name);
  if (fault === undefined) return;
  throw new OmniscientError('INVALID_EVENT_NAME', `the name of an event ${shownText(name)} ${fault}`);
}

/** What is wrong with the name of a user's event; `undefined` if nothing is. */
export function eventNameFault(name: unknown): string | undefined {
  return nameFault(name, EVENT_NAME_LENGTH_MAX);
}

/** The same for the name of anything that a user names and the library keeps: an actor, a projection, an election. */
export function nameFault(name: unknown, lengthMax: number): string | undefined {
  const fault = textFault(name, lengthMax);
  if (fault !== undefined) return fault;
  const isFrameworks = (name as string).startsWith(FRAMEWORK_EVENT_PREFIX);
  return isFrameworks ? `begins with '${FRAMEWORK_EVENT_PREFIX}', as the library's own names do` : undefined;
}
