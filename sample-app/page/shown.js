import { say } from './dom.js';

/** What this window shows. */
export const shown = { player: '', game: '' };

/** Does it if a player is chosen. */
export function withPlayer(act) {
  if (shown.player) return act(shown.player);
  return say('choose a player first', 'wrong');
}
