import { Actor, Command, EventHandler, LiveActor } from 'omniscient-nest';
import { GameError } from '../common/game-error.js';

export const PLAYERS_MAX = 8;

export interface GameState {
  players: string[];
  startedAt?: string;
}

export interface GameEvents {
  player_joined: { player: string };
  player_left: { player: string };
  game_started: { at: string };
}

/** A room. Its stream has a prefix, so that a game and a player of the same name do not share one. */
@Actor({ prefix: 'game-' })
export class Game extends LiveActor<GameState, GameEvents> {
  initialState(): GameState {
    return { players: [] };
  }

  /** Never more than fit: decided again if somebody else took the last place. */
  @Command({ onConflict: 'rerun' })
  join(player: string): void {
    if (this.state.players.includes(player)) return;
    if (this.state.players.length >= PLAYERS_MAX) {
      throw new GameError('GAME_FULL', `the game '${this.id}' is full: ${PLAYERS_MAX} players are in it`);
    }
    this.fire('player_joined', { player });
  }

  @Command({ onConflict: 'rerun' })
  leave(player: string): void {
    if (this.state.players.includes(player)) this.fire('player_left', { player });
  }

  @Command({ onConflict: 'rerun' })
  start(): void {
    if (this.state.startedAt) throw new GameError('ALREADY_STARTED', `the game '${this.id}' has already started`);
    if (this.state.players.length === 0)
      throw new GameError('NOBODY_THERE', `nobody has joined the game '${this.id}' yet`);
    this.fire('game_started', { at: new Date().toISOString() });
  }

  @EventHandler('player_joined') onJoin({ player }: GameEvents['player_joined']) {
    this.state.players.push(player);
  }

  @EventHandler('player_left') onLeave({ player }: GameEvents['player_left']) {
    this.state.players = this.state.players.filter((other) => other !== player);
  }

  @EventHandler('game_started') onStart({ at }: GameEvents['game_started']) {
    this.state.startedAt = at;
  }
}
