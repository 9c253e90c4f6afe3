import { createHash } from 'node:crypto';

/**
 * An id that follows from what it is made of, the same on every node: a UUID of version 8 (RFC 9562: the maker's own kind), from a SHA-256 of these
 * texts.
 */
export function derivedId(...parts: readonly string[]): string {
  const hex = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  const variant = '89ab'[Number.parseInt(hex[16] as string, 16) % 4];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Whether it is such an id. An id of another kind that looks like one is only looked for in vain. */
export function isDerivedId(id: string): boolean {
  // Whoever gives the ids may give anything; that is refused elsewhere.
  return typeof id === 'string' && id.length === ID_LENGTH && id.charCodeAt(VERSION_AT) === VERSION;
}

/** The derived id of the command that fired an event, in the event's metadata; `undefined` if its id is none, as most are not. */
export function derivedIdIn(metadata: string): string | undefined {
  const at = metadata.indexOf(COMMAND_ID);
  if (at === -1 || metadata.charCodeAt(at + COMMAND_ID.length + VERSION_AT) !== VERSION) return undefined;
  const { commandId } = JSON.parse(metadata) as { commandId?: unknown };
  return typeof commandId === 'string' && isDerivedId(commandId) ? commandId : undefined;
}

const ID_LENGTH = 36;
/** Where a UUID has its version, and that version. */
const VERSION_AT = 14;
const VERSION = '8'.charCodeAt(0);
const COMMAND_ID = '"commandId":"';
