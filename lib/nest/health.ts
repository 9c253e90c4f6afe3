import { Inject, Injectable } from '@nestjs/common';
import { codeOf, messageOf } from '../kernel/values/index.js';
import type { NodeHealth, Runtime } from '../runtime/node/index.js';
import { RUNTIME } from './injection.js';

/** The limits past which a node is reported as `down`. */
export interface HealthLimits {
  /** Most positions that a projection or listener may be behind. Default: no limit. */
  lagMax?: number;
  /** Most events that may be parked. Default: no limit. */
  parkedMax?: number;
}

/** The result of a health indicator, as `@nestjs/terminus` expects it. */
export type EventSourcingHealthResult<Key extends string> = Record<
  Key,
  { status: 'up' | 'down'; reason?: string; code?: string } & Partial<NodeHealth>
>;

/**
 * A health indicator for `@nestjs/terminus`; it works without terminus too. It reports whether the engine answers and
 * stores, whether other nodes see this one, how far projections and listeners are behind, and how many events are
 * parked.
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
   * Checks this node. It writes one small value to find out whether the engine stores, once a second at most.
   *
   * It never throws: if the engine cannot be reached or stores nothing (a full disk, say), the status is `down`, with
   * the reason and the `code` of the engine's error.
   *
   * @param key the name of the indicator in terminus's result.
   * @param limits past which the status is `down`, too.
   */
  async check<Key extends string>(key: Key, limits: HealthLimits = {}): Promise<EventSourcingHealthResult<Key>> {
    try {
      const health = await this.#runtime.health();
      const fault = faultOf(health, limits);
      return resultOf(key, { status: fault === undefined ? 'up' : 'down', ...fault, ...health });
    } catch (error) {
      const code = codeOf(error);
      return resultOf(key, { status: 'down', reason: messageOf(error), ...(code !== undefined && { code }) });
    }
  }
}

/** Why a node is `down`. */
interface Fault {
  readonly reason: string;
  readonly code?: string;
}

function faultOf(health: NodeHealth, { lagMax, parkedMax }: HealthLimits): Fault | undefined {
  const { engine, isIsolated, lag, parked } = health;
  if (engine.failure) return { reason: `nothing can be stored: ${engine.failure.message}`, code: engine.failure.code };
  if (isIsolated) return { reason: 'the heartbeats of this node fail, so the other nodes take it for dead' };
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
