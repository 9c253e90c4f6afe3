import type { StoredEvent } from 'omniscient-nest';
import type { GameEvents } from '../games/game.js';
import { LIVES_AT_START, type PlayerEvents } from '../players/player.js';

/** Events that count; `life_lost` is what `player_death` was called in the first version of this game. */
export const SCORED = ['life_added', 'life_lost', 'player_death', 'payment_received', 'game_ended'] as const;
export type Scored = (typeof SCORED)[number];

export type ScoredEvents = Pick<PlayerEvents, 'life_added' | 'player_death' | 'payment_received'> &
  Pick<GameEvents, 'game_ended'> & { life_lost: object };

/** Lives and won games of a player; in an update, how many more. */
export interface Score {
  player: string;
  lives: number;
  won: number;
}

/** How many are shown. */
export const LEADERS_MAX = 10;

/** The score of a player without events. */
export const BEGINNER = { lives: LIVES_AT_START, won: 0 } as const;

/** The changes of scores that an event makes. */
export function scoresOf({ name, streamId, data }: StoredEvent): Score[] {
  switch (name as Scored) {
    case 'life_added':
      return [{ player: streamId, lives: 1, won: 0 }];
    case 'life_lost':
    case 'player_death':
      return [{ player: streamId, lives: -1, won: 0 }];
    case 'payment_received':
      return [{ player: streamId, lives: (data as ScoredEvents['payment_received']).lives, won: 0 }];
    case 'game_ended':
      return (data as ScoredEvents['game_ended']).winners.map((player) => ({ player, lives: 0, won: 1 }));
  }
}

/** The best first: whoever has won more, then whoever has more lives, then by name. */
export function ranked(scores: readonly Score[]): Score[] {
  return [...scores]
    .sort((a, b) => b.won - a.won || b.lives - a.lives || (a.player < b.player ? -1 : 1))
    .slice(0, LEADERS_MAX);
}
