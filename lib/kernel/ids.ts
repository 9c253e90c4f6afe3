import { InvalidIdError, OmniscientError } from './errors.js';
import { EVENT_NAME_LENGTH_MAX, FRAMEWORK_EVENT_PREFIX, STREAM_ID_LENGTH_MAX } from './event.js';

/**
 * Checks an actor's id and names its stream.
 *
 * @throws InvalidIdError when the id is not a string, empty, too long with its prefix, holds a NUL, or is no well-formed Unicode.
 */
export function streamIdOf(actor: string, prefix: string, id: unknown): string {
  if (typeof id !== 'string')
    throw new InvalidIdError(`${actor}: an id must be a string, but got ${id === null ? 'null' : typeof id}`);
  if (id === '') throw new InvalidIdError(`${actor}: an id must not be empty`);
  return checkedStreamId(prefix + id);
}

/** Checks the name of a stream; the same rules. */
export function checkedStreamId(streamId: unknown): string {
  if (typeof streamId !== 'string' || streamId === '') {
    throw new InvalidIdError(
      `a stream id must be a string that is not empty, but got ${JSON.stringify(streamId) ?? typeof streamId}`,
    );
  }
  if (streamId.length > STREAM_ID_LENGTH_MAX) {
    throw new InvalidIdError(
      `the stream id '${streamId.slice(0, 40)}…' has ${streamId.length} characters; at most ${STREAM_ID_LENGTH_MAX} fit`,
    );
  }
  // A NUL ends a string for some engines, and lone surrogates become U+FFFD in UTF-8: two ids would name one stream.
  if (streamId.includes('\0') || LONE_SURROGATE.test(streamId)) {
    throw new InvalidIdError(
      `the stream id ${JSON.stringify(streamId.slice(0, 40))} holds a NUL or half of a surrogate pair`,
    );
  }
  return streamId;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** Checks the name of an event that a user fires. @throws OmniscientError (`INVALID_EVENT_NAME`). */
export function assertEventName(name: unknown): asserts name is string {
  if (
    typeof name === 'string' &&
    name !== '' &&
    name.length <= EVENT_NAME_LENGTH_MAX &&
    !name.startsWith(FRAMEWORK_EVENT_PREFIX)
  )
    return;
  const shape = `a string of 1 to ${EVENT_NAME_LENGTH_MAX} characters that does not begin with '${FRAMEWORK_EVENT_PREFIX}'`;
  throw new OmniscientError(
    'INVALID_EVENT_NAME',
    `an event's name must be ${shape}, but got ${JSON.stringify(name) ?? typeof name}`,
  );
}
