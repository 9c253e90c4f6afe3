import { say } from './dom.js';

/** What this window shows. */
export const shown = { player: '', game: '' };

/** Up to where the store goes, as far as this window knows: what comes of a command is after that. */
export const store = { lastPosition: 0 };

/** Does it if a player is chosen. */
export function withPlayer(act) {
  if (shown.player) return act(shown.player);
  return say('choose a player first', 'wrong');
}
