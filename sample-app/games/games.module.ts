import { Module } from '@nestjs/common';
import { EventSourcingModule } from 'omniscient-nest';
import { Player } from '../players/player.js';
import { Game } from './game.js';
import { GamesController } from './games.controller.js';

@Module({
  imports: [EventSourcingModule.forFeature([Game, Player])],
  controllers: [GamesController],
})
export class GamesModule {}
