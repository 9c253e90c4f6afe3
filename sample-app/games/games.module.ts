import { Module } from '@nestjs/common';
import { EventSourcingModule } from 'omniscient-nest';
import { Game } from './game.js';
import { GamesController } from './games.controller.js';

@Module({
  imports: [EventSourcingModule.forFeature([Game])],
  controllers: [GamesController],
})
export class GamesModule {}
