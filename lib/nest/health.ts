import { Inject, Injectable } from '@nestjs/common';
import { messageOf } from '../kernel/thrown.js';
import type { NodeHealth } from '../runtime/health.js';
import type { Runtime } from '../runtime/runtime.js';
import { RUNTIME } from './injection.js';

/** From when on a node is called ill. */
export interface HealthLimits {
  /** Most positions that anybody may be behind. Default: any number. */
  lagMax?: number;
  /** Most events that may be parked. Default: any number. */
  parkedMax?: number;
}

/** What `@nestjs/terminus` calls a health indicator's result. */
export type EventSourcingHealthResult<Key extends string> = Record<
  Key,
  { status: 'up' | 'down'; reason?: string } & Partial<NodeHealth>
>;

/**
 * A health indicator for `@nestjs/terminus`: whether the engine answers and the other nodes see this one; how far projections and listeners are behind, and
 * how many events are parked. Works without terminus too.
 *
 * @example
 * ```ts
 * import { Controller, Get } from '@nestjs/common';
 * import { HealthCheck, HealthCheckService } from '@nestjs/terminus';
 * import { EventSourcingHealth } from 'omniscient-nest';
 *
 * @Controller('health')
 * export class HealthController {
 *   constructor(
 *     private readonly health: HealthCheckService,
 *     private readonly eventSourcing: EventSourcingHealth,
 *   ) {}
 *
 *   @Get()
 *   @HealthCheck()
 *   check() {
 *     return this.health.check([() => this.eventSourcing.check('events', { parkedMax: 10 })]);
 *   }
 * }
 * ```
 */
@Injectable()
export class EventSourcingHealth {
  readonly #runtime: Runtime;

  constructor(@Inject(RUNTIME) runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Never throws: an engine that cannot be reached is `down`, with the reason. */
  async check<Key extends string>(key: Key, limits: HealthLimits = {}): Promise<EventSourcingHealthResult<Key>> {
    try {
      const health = await this.#runtime.health();
      const reason = illness(health, limits);
      return resultOf(key, { status: reason === undefined ? 'up' : 'down', ...(reason && { reason }), ...health });
    } catch (error) {
      return resultOf(key, { status: 'down', reason: messageOf(error) });
    }
  }
}

function illness({ isIsolated, lag, parked }: NodeHealth, { lagMax, parkedMax }: HealthLimits): string | undefined {
  if (isIsolated) return 'the heartbeats of this node fail: the others hold it for dead';
  const late = Object.entries(lag).find(([, positions]) => lagMax !== undefined && positions > lagMax);
  if (late) return `${late[0]} is ${late[1]} positions behind (at most ${lagMax} are allowed)`;
  if (parkedMax !== undefined && parked > parkedMax)
    return `${parked} events are parked (at most ${parkedMax} are allowed)`;
  return undefined;
}

function resultOf<Key extends string>(
  key: Key,
  result: EventSourcingHealthResult<Key>[Key],
): EventSourcingHealthResult<Key> {
  return { [key]: result } as EventSourcingHealthResult<Key>;
}
