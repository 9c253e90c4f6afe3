import { Module } from '@nestjs/common';
import { EventSourcingModule } from 'omniscient-nest';
import { Game } from '../games/game.js';
import { LeadersModule } from '../leaders/leaders.module.js';
import { OperatorModule } from '../operator/operator.module.js';
import { PaymentsModule } from '../payments/payments.module.js';
import { Player } from '../players/player.js';
import { Round } from '../rounds/round.js';
import { LiveController } from './live.controller.js';

@Module({
  imports: [EventSourcingModule.forFeature([Player, Game, Round]), PaymentsModule, LeadersModule, OperatorModule],
  controllers: [LiveController],
})
export class LiveModule {}
