/**
 * What is wrong with a text that is to be stored, as in "holds half of a surrogate pair"; `undefined` if nothing is. The one rule for all names, ids and
 * keys: an engine must give back the very text that it was given, and two texts that differ must never become one.
 *
 * A NUL ends a string for some engines. Half of a surrogate pair has no UTF-8: it becomes U+FFFD, like every other half.
 *
 * @param lengthMax in UTF-16 code units.
 */
export function textFault(text: unknown, lengthMax: number): string | undefined {
  if (typeof text !== 'string') return `is not a string but ${kindOf(text)}`;
  if (text === '') return 'is empty';
  if (text.length > lengthMax) return `has ${text.length} characters, and at most ${lengthMax} fit`;
  if (text.includes('\0')) return 'holds a NUL (U+0000)';
  if (LONE_SURROGATE.test(text)) return 'holds half of a surrogate pair';
  return undefined;
}

/** A text that came from outside, short enough for a message, and harmless there. */
export function shownText(text: unknown): string {
  if (typeof text !== 'string') return kindOf(text);
  const shown = text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text;
  return JSON.stringify(shown);
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** Most of a text that a message shows, in UTF-16 code units. */
const SHOWN_LENGTH_MAX = 40;

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value;
}
