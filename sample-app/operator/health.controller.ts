import { Controller, Get } from '@nestjs/common';
import { HealthCheck, type HealthCheckResult, HealthCheckService } from '@nestjs/terminus';
import { EventSourcingHealth } from 'omniscient-nest';

/** So many parked events, and a load balancer is told that something is wrong. */
const PARKED_MAX = 100;

@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly eventSourcing: EventSourcingHealth,
  ) {}

  @Get()
  @HealthCheck()
  check(): Promise<HealthCheckResult> {
    return this.health.check([() => this.eventSourcing.check('events', { parkedMax: PARKED_MAX })]);
  }
}
