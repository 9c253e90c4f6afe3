import { Injectable } from '@nestjs/common';
import { ActorRepository, InjectActor } from 'omniscient-nest';
import { GameError } from '../common/game-error.js';
import { Game } from '../games/game.js';
import { Player } from '../players/player.js';
import { User } from '../users/user.js';

const ROOM = 'forest';
const [PLAYER, OPPONENT] = ['anna', 'bert'] as const;
const PASSWORD = 'correct horse';
const SECONDS = 300;

/** What a first visit shows. */
export interface DemoShown {
  player: string;
  game: string;
}

/** A player with a past, in a game that is running: a page without them would have nothing to show. */
@Injectable()
export class Demo {
  constructor(
    @InjectActor(User) private readonly users: ActorRepository<User>,
    @InjectActor(Player) private readonly players: ActorRepository<Player>,
    @InjectActor(Game) private readonly games: ActorRepository<Game>,
  ) {}

  /** Does what is missing, however often it is asked, and by however many windows at once. */
  async prepare(): Promise<DemoShown> {
    await this.signUp();
    await this.play();
    return { player: PLAYER, game: ROOM };
  }

  /** A command with a key is run once in the life of an actor: the second time it gives the first answer. */
  private async signUp(): Promise<void> {
    const [user, player] = await Promise.all([this.users.get(PLAYER), this.players.get(PLAYER)]);
    if (user.state.passwordHash) return;
    await unlessRefused(user.once('demo: sign up').signUp(PASSWORD));
    await player.once('demo: a present').addLife('a present');
    await user.once('demo: payment').pay(2, 'good');
  }

  private async play(): Promise<void> {
    const game = await this.games.get(ROOM);
    if (game.state.winners) await unlessRefused(game.reopen());
    for (const name of [PLAYER, OPPONENT]) await unlessRefused(game.join(name));
    if (!game.state.startedAt) await unlessRefused(game.start(SECONDS));
  }
}

/** Rules of the game stay rules: whoever has no lives left does not play, and a game that runs goes on. */
async function unlessRefused(command: Promise<unknown>): Promise<void> {
  try {
    await command;
  } catch (error) {
    if (!(error instanceof GameError)) throw error;
  }
}
