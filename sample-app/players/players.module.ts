import { Module } from '@nestjs/common';
import { EventSourcingModule } from 'omniscient-nest';
import { Player } from './player.js';
import { PlayersController } from './players.controller.js';

@Module({
  imports: [EventSourcingModule.forFeature([Player])],
  controllers: [PlayersController],
})
export class PlayersModule {}
