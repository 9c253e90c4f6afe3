import {
  Actor,
  ActorRepository,
  Command,
  EventHandler,
  type Heard,
  InjectActor,
  ListenTo,
  LiveActor,
} from 'omniscient-nest';
import { z } from 'zod';
import { GameError } from '../common/game-error.js';
import { Player, type PlayerEvents } from '../players/player.js';
import type { RoundEvents } from '../rounds/round-events.js';

export const PLAYERS_MAX = 8;
/** Longest round. */
export const SECONDS_MAX = 600;

/** The event that sets the clock has a schema: a clock that is set to nothing would never run down. */
const gameStart = z.strictObject({
  game: z.string(),
  at: z.iso.datetime(),
  seconds: z.int().min(1).max(SECONDS_MAX),
});

export interface GameState {
  players: string[];
  /** Died for good: never again in this game. */
  fallen: string[];
  /** How often somebody died and came back. */
  respawns: number;
  startedAt?: string;
  /** Who was still there when the time was up. */
  winners?: string[];
}

export interface GameEvents {
  player_joined: { player: string };
  player_left: { player: string };
  player_respawned: { player: string };
  player_ejected: { player: string; why: string; forGood: boolean };
  /** Calls the `Round` of the same name into life. */
  game_started: z.infer<typeof gameStart>;
  game_ended: { game: string; winners: string[] };
  /** A finished game begins anew: whoever is there stays, and whoever fell may come back. */
  game_reopened: { game: string };
}

type Exit = Heard<PlayerEvents, 'player_exit'>;
type Death = Heard<PlayerEvents, 'player_death'>;
type RoundEnd = Heard<RoundEvents, 'round_ended'>;

/** The streams that a game listens to: those of the players who are in it now. */
const playersOf = ({ players }: GameState) => players;

/** A room. Its prefix has a slash, which no player's name has, so no player shares a game's stream. */
@Actor({ prefix: 'game/', schemas: { game_started: gameStart } })
export class Game extends LiveActor<GameState, GameEvents> {
  constructor(@InjectActor(Player) private readonly players: ActorRepository<Player>) {
    super();
  }

  initialState(): GameState {
    return { players: [], fallen: [], respawns: 0 };
  }

  /** Runs again if somebody else took the last place, so there are never more players than fit. */
  @Command({ onConflict: 'rerun' })
  async join(name: string): Promise<void> {
    const player = await this.players.get(name);
    const { players, fallen, winners } = this.state;
    if (players.includes(name)) return;
    if (winners) throw new GameError('GAME_OVER', `the game '${this.id}' is over: play again, or enter another room`);
    if (fallen.includes(name))
      throw new GameError('FALLEN', `${name} fell in the game '${this.id}': it is over for good`);
    if (player.state.lives === 0) throw new GameError('NO_LIVES_LEFT', `${name} has no lives left`);
    if (players.length >= PLAYERS_MAX) {
      throw new GameError('GAME_FULL', `the game '${this.id}' is full: ${PLAYERS_MAX} players are in it`);
    }
    this.fire('player_joined', { player: name });
  }

  @Command({ onConflict: 'rerun' })
  leave(player: string): void {
    if (this.state.players.includes(player)) this.fire('player_left', { player });
  }

  @Command({ onConflict: 'rerun' })
  start(seconds: number): void {
    if (this.state.startedAt) throw new GameError('ALREADY_STARTED', `the game '${this.id}' has already started`);
    if (this.state.players.length === 0)
      throw new GameError('NOBODY_THERE', `nobody has joined the game '${this.id}' yet`);
    this.fire('game_started', { game: this.id, at: new Date().toISOString(), seconds });
  }

  /** Begins a finished game anew. A second request changes nothing more. */
  @Command({ onConflict: 'rerun' })
  reopen(): void {
    const { startedAt, winners } = this.state;
    if (startedAt && !winners) throw new GameError('STILL_RUNNING', `the game '${this.id}' has not ended yet`);
    if (winners) this.fire('game_reopened', { game: this.id });
  }

  @ListenTo(playersOf, { events: ['player_exit'] })
  ejectWhoExits({ streamId, data }: Exit) {
    this.fire('player_ejected', { player: streamId, why: data.why, forGood: false });
  }

  /** A death costs a life. A player without lives is ejected for good. */
  @ListenTo(playersOf, { events: ['player_death'] })
  respawnWhoDies({ streamId: player, data: { to, livesLeft } }: Death) {
    if (livesLeft === 0) this.fire('player_ejected', { player, why: `died of ${to}`, forGood: true });
    else this.fire('player_respawned', { player });
  }

  /** `to` names the game to wake, which may not have been loaded since all processes started. */
  @ListenTo<RoundEvents, 'round_ended'>({ events: ['round_ended'], to: ({ data }) => data.game })
  end({ data }: RoundEnd) {
    const { startedAt = '', winners, players } = this.state;
    // An operator may retry the end of an earlier round. Events from before games could be reopened do not say which it is.
    const isThisRound = (data.startedAt ?? startedAt) === startedAt;
    if (startedAt && isThisRound && !winners) this.fire('game_ended', { game: this.id, winners: [...players] });
  }

  @EventHandler('player_joined') onJoin({ player }: GameEvents['player_joined']) {
    this.state.players.push(player);
  }

  @EventHandler('player_left') onLeave({ player }: GameEvents['player_left']) {
    this.state.players = this.state.players.filter((other) => other !== player);
  }

  @EventHandler('player_respawned') onRespawn() {
    this.state.respawns += 1;
  }

  @EventHandler('player_ejected') onEjection({ player, forGood }: GameEvents['player_ejected']) {
    this.onLeave({ player });
    if (forGood && !this.state.fallen.includes(player)) this.state.fallen.push(player);
  }

  @EventHandler('game_started') onStart({ at }: GameEvents['game_started']) {
    this.state.startedAt = at;
  }

  @EventHandler('game_ended') onEnd({ winners }: GameEvents['game_ended']) {
    this.state.winners = winners;
  }

  @EventHandler('game_reopened') onReopening() {
    Object.assign(this.state, { fallen: [], respawns: 0 });
    delete this.state.startedAt;
    delete this.state.winners;
  }
}
