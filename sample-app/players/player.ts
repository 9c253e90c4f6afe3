import { Actor, Command, EventHandler, LiveActor } from 'omniscient-nest';
import { GameError } from '../common/game-error.js';
import type { UserEvents } from '../users/user.js';

export const LIVES_AT_START = 3;

export interface PlayerState {
  lives: number;
}

export interface PlayerEvents {
  life_added: { why: string };
  life_lost: { to: string };
  /** Fired by the `User` with the same id: one stream, no inheritance. */
  payment_received: UserEvents['payment_received'];
}

/** Who is alive: shares its id, and so its stream, with the `User` who pays. */
@Actor()
export class Player extends LiveActor<PlayerState, PlayerEvents> {
  initialState(): PlayerState {
    return { lives: LIVES_AT_START };
  }

  @Command()
  addLife(why: string): void {
    this.fire('life_added', { why });
  }

  /** Never below zero: if another device took the last life first, this is decided again. */
  @Command({ onConflict: 'rerun' })
  loseLife(to: string): void {
    if (this.state.lives === 0) throw new GameError('NO_LIVES_LEFT', `${this.id} has no lives left`);
    this.fire('life_lost', { to });
  }

  @EventHandler('life_added') onLife() {
    this.state.lives += 1;
  }

  @EventHandler('life_lost') onLoss() {
    this.state.lives -= 1;
  }

  @EventHandler('payment_received') onPayment({ lives }: PlayerEvents['payment_received']) {
    this.state.lives += lives;
  }
}
