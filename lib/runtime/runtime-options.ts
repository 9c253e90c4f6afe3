import type { Engine } from '../engine/engine.js';
import type { Environment } from '../engine/environment.js';
import { SYSTEM } from '../engine/system-environment.js';
import type { Clock, Ids } from '../kernel/clock.js';
import { assertName } from '../kernel/option-checks.js';
import type { ErrorClass } from './cluster/error-codec.js';
import { Gate } from './gate.js';
import { safeLog } from './safe-log.js';
import { checkedLimits, type Log, type RuntimeLimits, type RuntimeParts } from './settings.js';
import { RandomIds, SystemClock } from './system-clock.js';
import { safeTelemetry } from './telemetry/safe-telemetry.js';
import type { Telemetry } from './telemetry/telemetry.js';
import type { TickTime } from './ticks/tick-time.js';
import { WriteHealth } from './write-health.js';

/** What a node is made of; all but the engine has a default. */
export interface RuntimeOptions extends Partial<RuntimeLimits> {
  engine: Engine;
  /** This process among the cluster's, in metadata and logs. Default: a random UUID. */
  nodeId?: string;
  /** Where it takes time, timers and randomness from. Default: the machine. A simulation gives another. */
  environment?: Environment;
  clock?: Clock;
  ids?: Ids;
  log?: Log;
  /** Classes of errors that commands of a `OneActor` throw, so that they arrive as what they are on other nodes. */
  errors?: readonly ErrorClass[];
  /** What ticks go by. Default: the machine's monotonic clock. */
  tickTime?: TickTime | undefined;
  /** Whether events that no registered class knows are told in the log, once a name. Default true. */
  warnsOfUnknownEvents?: boolean;
  /** Who hears of all that this node does. Default: nobody. */
  telemetry?: Telemetry | undefined;
  /** Whether actors that are loaded before `begin()` react and tick only from then on. Default false. */
  waitsForBegin?: boolean;
}

/** The same with the defaults, checked. @throws RegistrationError (`INVALID_OPTION`). */
export function partsOf(options: RuntimeOptions): RuntimeParts {
  const {
    engine,
    environment = SYSTEM,
    nodeId,
    clock,
    ids,
    log,
    telemetry,
    waitsForBegin,
    errors: _errors,
    ...limits
  } = options;
  if (nodeId !== undefined) assertName('EventSourcingModule.forRoot()', 'nodeId', nodeId);
  const begun = new Gate();
  if (!waitsForBegin) begun.open();
  const parts = {
    engine,
    begun,
    writes: new WriteHealth(engine, environment),
    environment,
    clock: clock ?? new SystemClock(environment),
    ids: ids ?? new RandomIds(environment),
    log: safeLog(log ?? consoleLog),
  };
  return {
    ...parts,
    telemetry: telemetry && safeTelemetry(telemetry),
    nodeId: nodeId ?? environment.uuid(),
    limits: checkedLimits(limits),
  };
}

const consoleLog: Log = {
  warn: (message, error) => console.warn(message, error ?? ''),
  error: (message, error) => console.error(message, error ?? ''),
};
