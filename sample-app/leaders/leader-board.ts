import { Actor, EventHandler, type Heard, ListenTo, OneActor } from 'omniscient-nest';
import { BEGINNER, ranked, SCORED, type Score, type Scored, type ScoredEvents, scoresOf } from './scoring.js';

/** There is one, and this is its id. */
export const ALL_PLAYERS = 'all';

export interface LeaderBoardState {
  scores: Record<string, Omit<Score, 'player'>>;
}

export interface LeaderBoardEvents {
  score_changed: Score;
}

/** The leader board as an actor: one node leads it, hears what counts from the first event on, and all nodes show the same. */
@Actor({ prefix: 'leaders/' })
export class LeaderBoard extends OneActor<LeaderBoardState, LeaderBoardEvents> {
  initialState(): LeaderBoardState {
    return { scores: {} };
  }

  @ListenTo<ScoredEvents, Scored>({ events: SCORED, to: () => ALL_PLAYERS, from: 0 })
  hear(event: Heard<ScoredEvents, Scored>) {
    for (const score of scoresOf(event)) this.fire('score_changed', score);
  }

  @EventHandler('score_changed') onScore({ player, lives, won }: Score) {
    const { scores } = this.state;
    const before = Object.hasOwn(scores, player) ? scores[player] : undefined;
    const { lives: livesBefore, won: wonBefore } = before ?? BEGINNER;
    scores[player] = { lives: livesBefore + lives, won: wonBefore + won };
  }
}

export function leadersOf({ scores }: { readonly scores: Readonly<LeaderBoardState['scores']> }): Score[] {
  return ranked(Object.entries(scores).map(([player, score]) => ({ player, ...score })));
}
