import type { Engine } from '../../engine/duties/engine.js';
import type { Environment } from '../../engine/environment/environment.js';
import { SYSTEM } from '../../engine/environment/system-environment.js';
import { assertName } from '../../kernel/defining/option-checks.js';
import type { Clock, Ids } from '../../kernel/values/clock.js';
import type { ErrorClass } from '../cluster/error-codec.js';
import { Gate } from '../parts/gate.js';
import { safeLog } from '../parts/safe-log.js';
import { safeTelemetry } from '../parts/safe-telemetry.js';
import { checkedLimits, type Log, type RuntimeLimits, type RuntimeParts } from '../parts/settings.js';
import { RandomIds, SystemClock } from '../parts/system-clock.js';
import type { Telemetry } from '../parts/telemetry.js';
import type { TickTime } from '../parts/tick-time.js';
import { WriteHealth } from '../parts/write-health.js';

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
