/**
 * Says why a text cannot be stored, as in "holds half of a surrogate pair"; `undefined` if it can. All names, ids and
 * keys are checked with this one rule: an engine must return the very text that it was given, and two different texts
 * must never become one.
 *
 * For some engines a NUL ends a string. Half of a surrogate pair cannot be written as UTF-8: it becomes U+FFFD, like
 * every other half.
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

/** Quotes a text from outside, shortened for use in a message. */
export function shownText(text: unknown): string {
  if (typeof text !== 'string') return kindOf(text);
  const shown = text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text;
  return JSON.stringify(shown);
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** How much of a text a message shows, in UTF-16 code units. */
const SHOWN_LENGTH_MAX = 40;

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value;
}
