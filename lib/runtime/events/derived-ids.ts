import { createHash } from 'node:crypto';

/**
 * An id derived from these texts, the same on every node: a UUID of version 8 (RFC 9562, custom content), from a
 * SHA-256.
 */
export function derivedId(...parts: readonly string[]): string {
  const hex = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  const variant = '89ab'[Number.parseInt(hex[16] as string, 16) % 4];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Whether an id is a derived one. If another id happens to look like one, it is only looked up in vain. */
export function isDerivedId(id: string): boolean {
  // A user's `Ids` may return anything. That is refused elsewhere.
  return typeof id === 'string' && id.length === ID_LENGTH && id.charCodeAt(VERSION_AT) === VERSION;
}

/**
 * The id of the command that fired an event, from the event's metadata, if it is a derived one. Most are not; then
 * `undefined`.
 */
export function derivedIdIn(metadata: string): string | undefined {
  const at = metadata.indexOf(COMMAND_ID);
  if (at === -1 || metadata.charCodeAt(at + COMMAND_ID.length + VERSION_AT) !== VERSION) return undefined;
  const { commandId } = JSON.parse(metadata) as { commandId?: unknown };
  return typeof commandId === 'string' && isDerivedId(commandId) ? commandId : undefined;
}

const ID_LENGTH = 36;
/** Where a UUID has its version, and this version. */
const VERSION_AT = 14;
const VERSION = '8'.charCodeAt(0);
const COMMAND_ID = '"commandId":"';
