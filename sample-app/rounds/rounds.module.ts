import { Module } from '@nestjs/common';
import { EventSourcingModule } from 'omniscient-nest';
import { Round } from './round.js';

/** Nobody gives a clock a command: the start of a game is what it hears. */
@Module({ imports: [EventSourcingModule.forFeature([Round])] })
export class RoundsModule {}
