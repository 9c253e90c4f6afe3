import { createHash } from 'node:crypto';

/** A stream's part of its commits' keys: the id itself where that fits, else a hash of it. No key is the beginning of another. */
export function streamKeyOf(streamId: string): string {
  const escaped = streamId.replace(/[%:#]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
  return Buffer.byteLength(escaped) <= STREAM_KEY_BYTES_MAX ? escaped : `${HASHED}${hashOf([streamId])}`;
}

/** RethinkDB takes primary keys of at most 127 bytes; version and separator take 17 of them. */
const STREAM_KEY_BYTES_MAX = 100;
const VERSION_DIGITS = 16;
const HASHED = '#';

/** Key of the commit whose first event has this version: two writers at one head want the same one. */
export function commitKeyOf(streamId: string, firstVersion: number): string {
  return `${streamKeyOf(streamId)}:${String(firstVersion).padStart(VERSION_DIGITS, '0')}`;
}

/** A key for any texts, however long. */
export function hashOf(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}
