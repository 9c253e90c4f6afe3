import { createHash } from 'node:crypto';

/**
 * Returns a stream's part of its commits' keys: the id itself if it is short enough, otherwise a hash of it. No key is
 * a prefix of another.
 */
export function streamKeyOf(streamId: string): string {
  const escaped = streamId.replace(/[%:#]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
  return Buffer.byteLength(escaped) <= STREAM_KEY_BYTES_MAX ? escaped : `${HASHED}${hashOf([streamId])}`;
}

/** RethinkDB allows primary keys of at most 127 bytes. The version and a separator take 17 of them. */
const STREAM_KEY_BYTES_MAX = 100;
const VERSION_DIGITS = 16;
const HASHED = '#';

/**
 * Returns the key of the commit whose first event has this version. Two writers at the same version want the same key.
 */
export function commitKeyOf(streamId: string, firstVersion: number): string {
  return `${streamKeyOf(streamId)}:${String(firstVersion).padStart(VERSION_DIGITS, '0')}`;
}

/** Returns a key for any texts, however long they are. */
export function hashOf(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}
