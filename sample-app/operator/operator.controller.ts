import { Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { OmniscientError, type ParkedEvent, ParkedEvents } from 'omniscient-nest';
import { GameError } from '../common/game-error.js';

/** What was put aside because a reaction failed on it time and again. A real application would ask who is there. */
@Controller('operator/parked')
export class OperatorController {
  constructor(private readonly parked: ParkedEvents) {}

  @Get()
  list(): Promise<ParkedEvent[]> {
    return this.parked.list();
  }

  @Post(':id/retry')
  @HttpCode(200)
  async retry(@Param('id') id: string): Promise<void> {
    try {
      await this.parked.retry(id);
    } catch (error) {
      if (error instanceof OmniscientError) throw error;
      throw new GameError('STILL_FAILS', `it still fails: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  @Delete(':id')
  discard(@Param('id') id: string): Promise<void> {
    return this.parked.discard(id);
  }
}
