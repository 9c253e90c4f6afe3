import { Actor, Command, EventHandler, LiveActor, Upcast } from 'omniscient-nest';
import { z } from 'zod';
import { GameError } from '../common/game-error.js';
import type { UserEvents } from '../users/user.js';

export const LIVES_AT_START = 3;

export interface PlayerState {
  lives: number;
}

export interface PlayerEvents {
  life_added: { why: string };
  /** A life is lost. `livesLeft` is `null` in old events, which did not have it. */
  player_death: { to: string; livesLeft: number | null };
  /** Plays no more, in no game. */
  player_exit: { why: string };
  /** Fired by the `User` with the same id: one stream, no inheritance. */
  payment_received: UserEvents['payment_received'];
}

/** What a death was in the first version of this game, as `life_lost`. */
const lifeLost = z.strictObject({ to: z.string() });

/** The lives of a player. It shares its id, and so its stream, with the `User` who pays. */
@Actor()
export class Player extends LiveActor<PlayerState, PlayerEvents> {
  initialState(): PlayerState {
    return { lives: LIVES_AT_START };
  }

  /** Old events stay as they were stored; this is how they are read. */
  @Upcast('life_lost', { to: 'player_death', from: lifeLost })
  static lifeLost({ to }: z.infer<typeof lifeLost>): PlayerEvents['player_death'] {
    return { to, livesLeft: null };
  }

  @Command()
  addLife(why: string): void {
    this.fire('life_added', { why });
  }

  /** Runs again if another device took the last life first, so lives never go below zero. */
  @Command({ onConflict: 'rerun' })
  die(to: string): void {
    if (this.state.lives === 0) throw new GameError('NO_LIVES_LEFT', `${this.id} has no lives left`);
    this.fire('player_death', { to, livesLeft: this.state.lives - 1 });
  }

  @Command()
  exit(why: string): void {
    this.fire('player_exit', { why });
  }

  @EventHandler('life_added') onLife() {
    this.state.lives += 1;
  }

  @EventHandler('player_death') onDeath() {
    this.state.lives -= 1;
  }

  @EventHandler('payment_received') onPayment({ lives }: PlayerEvents['payment_received']) {
    this.state.lives += lives;
  }
}
