import { Controller, Get, Param, Query } from '@nestjs/common';
import { AuditTrail, type StoredEvent } from 'omniscient-nest';
import { withoutSecrets } from '../common/secrets.js';
import { AfterDto } from './requests.dto.js';

/** Most events of one request that are shown. */
const EVENTS_MAX = 200;

@Controller('requests')
export class RequestsController {
  constructor(private readonly trail: AuditTrail) {}

  /**
   * Everything that a request led to so far, in order, on whichever node, by the `x-correlation-id` that it came with or that its response bears. Who knows
   * a position before it spares the server reading from the first event on.
   */
  @Get(':id')
  async show(@Param('id') id: string, @Query() { after }: AfterDto): Promise<StoredEvent[]> {
    const events: StoredEvent[] = [];
    for await (const event of this.trail.causedBy(id, { after })) {
      if (events.push(withoutSecrets(event)) === EVENTS_MAX) break;
    }
    return events;
  }
}
