import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ActorRepository, InjectActor } from 'omniscient-nest';
import { NamePipe } from '../common/name.js';
import { Player, type PlayerState } from './player.js';
import { AddLifeDto, DieDto, ExitDto } from './players.dto.js';

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
  async die(@Param('name', NamePipe) name: string, @Body() { to }: DieDto): Promise<PlayerState> {
    const player = await this.players.get(name);
    await player.die(to);
    return player.state;
  }

  @Post('exits')
  @HttpCode(200)
  async exit(@Param('name', NamePipe) name: string, @Body() { why }: ExitDto): Promise<void> {
    const player = await this.players.get(name);
    await player.exit(why);
  }
}
