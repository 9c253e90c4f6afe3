import { Controller, Get, Param } from '@nestjs/common';
import type { StoredEvent } from 'omniscient-nest';
import { RequestLog } from './request-log.js';

@Controller('requests')
export class RequestsController {
  constructor(private readonly log: RequestLog) {}

  /** By the `x-correlation-id` that the request came with, or that its response bears. */
  @Get(':id')
  show(@Param('id') id: string): StoredEvent[] {
    return this.log.of(id);
  }
}
