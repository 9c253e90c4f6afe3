import { $, say, sayToo } from './dom.js';

/** What this window shows. */
export const shown = { player: '', game: '' };

/** Up to where the store goes, as far as this window knows: what comes of a command is after that. */
export const store = { lastPosition: 0 };

/** Does it if a player is chosen. */
export function withPlayer(cause, act) {
  if (shown.player) return act(shown.player);
  return say(cause, 'choose a player first', 'wrong');
}

/** As the server has it: `sample-app/common/name.ts`. */
const NAME = /^[\p{L}\p{N}_-]{1,40}$/u;

/**
 * Marks a field that holds no name, and says so next to it.
 *
 * @param origin where the name stands, for people to read.
 */
export function isName(field, name, origin = '') {
  const isRight = NAME.test(name);
  $(field).elements[0].setAttribute('aria-invalid', String(!isRight));
  const text = isRight ? '' : `“${name}”${origin} is not a name: take 1 to 40 letters, digits, _ or -`;
  sayToo($(field), text, 'wrong');
  return isRight;
}
