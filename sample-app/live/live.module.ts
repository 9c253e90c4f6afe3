import { Module } from '@nestjs/common';
import { EventSourcingModule } from 'omniscient-nest';
import { Game } from '../games/game.js';
import { Player } from '../players/player.js';
import { LiveController } from './live.controller.js';

@Module({
  imports: [EventSourcingModule.forFeature([Player, Game])],
  controllers: [LiveController],
})
export class LiveModule {}
