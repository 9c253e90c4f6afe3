import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import { type ActorRef, ActorRepository, InjectActor } from 'omniscient-nest';
import { NamePipe } from '../common/name.js';
import { Game } from './game.js';
import { PlayerDto, StartDto } from './games.dto.js';

@Controller('games/:name')
export class GamesController {
  constructor(@InjectActor(Game) private readonly games: ActorRepository<Game>) {}

  @Get()
  async show(@Param('name', NamePipe) name: string): Promise<ActorRef<Game>['state']> {
    const game = await this.games.get(name);
    return game.state;
  }

  @Post('players')
  async join(@Param('name', NamePipe) name: string, @Body() { player }: PlayerDto): Promise<void> {
    const game = await this.games.get(name);
    await game.join(player);
  }

  @Delete('players/:player')
  async leave(@Param('name', NamePipe) name: string, @Param('player', NamePipe) player: string): Promise<void> {
    const game = await this.games.get(name);
    await game.leave(player);
  }

  @Put('start')
  async start(
    @Param('name', NamePipe) name: string,
    @Body() { seconds }: StartDto = new StartDto(), // a request without a body
  ): Promise<void> {
    const game = await this.games.get(name);
    await game.start(seconds);
  }

  /** A finished game can be played again. */
  @Post('reopen')
  @HttpCode(200)
  async reopen(@Param('name', NamePipe) name: string): Promise<void> {
    const game = await this.games.get(name);
    await game.reopen();
  }
}
