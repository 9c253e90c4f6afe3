import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ActorRepository, InjectActor } from 'omniscient-nest';
import { NamePipe } from '../common/name.js';
import { Player, type PlayerState } from './player.js';
import { AddLifeDto, LoseLifeDto } from './players.dto.js';

@Controller('players/:name')
export class PlayersController {
  constructor(@InjectActor(Player) private readonly players: ActorRepository<Player>) {}

  @Get()
  async show(@Param('name', NamePipe) name: string): Promise<PlayerState> {
    const player = await this.players.get(name);
    return player.state;
  }

  @Post('lives')
  async addLife(@Param('name', NamePipe) name: string, @Body() { why }: AddLifeDto): Promise<PlayerState> {
    const player = await this.players.get(name);
    await player.addLife(why);
    return player.state;
  }

  @Post('deaths')
  @HttpCode(200)
  async loseLife(@Param('name', NamePipe) name: string, @Body() { to }: LoseLifeDto): Promise<PlayerState> {
    const player = await this.players.get(name);
    await player.loseLife(to);
    return player.state;
  }
}
