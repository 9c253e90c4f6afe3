import { Module } from '@nestjs/common';
import { EventSourcingModule } from 'omniscient-nest';
import { LeaderBoard } from './leader-board.js';
import { LeaderTable } from './leader-table.js';
import { LeadersController } from './leaders.controller.js';
import { LeadersFeed } from './leaders.feed.js';

@Module({
  imports: [EventSourcingModule.forFeature([LeaderBoard])],
  controllers: [LeadersController],
  providers: [LeaderTable, LeadersFeed],
  exports: [LeadersFeed],
})
export class LeadersModule {}
