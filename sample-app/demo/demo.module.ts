import { Module } from '@nestjs/common';
import { EventSourcingModule } from 'omniscient-nest';
import { Game } from '../games/game.js';
import { Player } from '../players/player.js';
import { User } from '../users/user.js';
import { UsersModule } from '../users/users.module.js';
import { DemoController } from './demo.controller.js';
import { Demo } from './demo.js';

@Module({
  imports: [EventSourcingModule.forFeature([User, Player, Game]), UsersModule],
  controllers: [DemoController],
  providers: [Demo],
})
export class DemoModule {}
