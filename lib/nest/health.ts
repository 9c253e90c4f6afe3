import { Inject, Injectable } from '@nestjs/common';
import { codeOf, messageOf } from '../kernel/values/thrown.js';
import type { NodeHealth } from '../runtime/node/health.js';
import type { Runtime } from '../runtime/node/runtime.js';
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
  { status: 'up' | 'down'; reason?: string; code?: string } & Partial<NodeHealth>
>;

/**
 * A health indicator for `@nestjs/terminus`: whether the engine answers and stores, and the other nodes see this one; how far projections and listeners are behind, and
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

  /**
   * Never throws: an engine that cannot be reached, or takes nothing that is to be stored (a full disk), is `down`, with the reason and the `code` of its error.
   * Writes one small value to find that out, once a second at most.
   */
  async check<Key extends string>(key: Key, limits: HealthLimits = {}): Promise<EventSourcingHealthResult<Key>> {
    try {
      const health = await this.#runtime.health();
      const illness = illnessOf(health, limits);
      return resultOf(key, { status: illness === undefined ? 'up' : 'down', ...illness, ...health });
    } catch (error) {
      const code = codeOf(error);
      return resultOf(key, { status: 'down', reason: messageOf(error), ...(code !== undefined && { code }) });
    }
  }
}

/** Why a node is ill. */
interface Illness {
  readonly reason: string;
  readonly code?: string;
}

function illnessOf(health: NodeHealth, { lagMax, parkedMax }: HealthLimits): Illness | undefined {
  const { engine, isIsolated, lag, parked } = health;
  if (engine.failure) return { reason: `nothing can be stored: ${engine.failure.message}`, code: engine.failure.code };
  if (isIsolated) return { reason: 'the heartbeats of this node fail: the others hold it for dead' };
  const late = Object.entries(lag).find(([, positions]) => lagMax !== undefined && positions > lagMax);
  if (late) return { reason: `${late[0]} is ${late[1]} positions behind (at most ${lagMax} are allowed)` };
  if (parkedMax !== undefined && parked > parkedMax)
    return { reason: `${parked} events are parked (at most ${parkedMax} are allowed)` };
  return undefined;
}

function resultOf<Key extends string>(
  key: Key,
  result: EventSourcingHealthResult<Key>[Key],
): EventSourcingHealthResult<Key> {
  return { [key]: result } as EventSourcingHealthResult<Key>;
}
