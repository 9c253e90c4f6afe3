import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ActorRepository, InjectActor, type ProjectionProgress, Projections } from 'omniscient-nest';
import { ALL_PLAYERS, LeaderBoard, leadersOf } from './leader-board.js';
import { LeaderTable } from './leader-table.js';
import type { Score } from './scoring.js';

@Controller('leaders')
export class LeadersController {
  constructor(
    @InjectActor(LeaderBoard) private readonly boards: ActorRepository<LeaderBoard>,
    private readonly table: LeaderTable,
    private readonly projections: Projections,
  ) {}

  /** The same twice: from the actor's state, and from the table. */
  @Get()
  async show(): Promise<{ actor: Score[]; table: Score[] }> {
    const board = await this.boards.get(ALL_PLAYERS);
    return { actor: leadersOf(board.state), table: this.table.leaders() };
  }

  @Get('progress')
  progress(): Promise<ProjectionProgress> {
    return this.projections.progress(LeaderTable);
  }

  /** Makes the table anew from the first event on; the old one is shown until then. */
  @Post('rebuild')
  @HttpCode(202)
  rebuild(): Promise<void> {
    return this.projections.rebuild(LeaderTable);
  }
}
