import type { Engine } from '../../engine/duties/index.js';
import { type Environment, SYSTEM } from '../../engine/environment/index.js';
import { assertName } from '../../kernel/defining/index.js';
import type { Clock, Ids } from '../../kernel/values/index.js';
import type { ErrorClass } from '../cluster/index.js';
import {
  checkedLimits,
  Gate,
  type Log,
  RandomIds,
  type RuntimeLimits,
  type RuntimeParts,
  SystemClock,
  safeLog,
  safeTelemetry,
  type Telemetry,
  type TickTime,
  WriteHealth,
} from '../parts/index.js';

/** The options of a node. All but the engine have defaults. */
export interface RuntimeOptions extends Partial<RuntimeLimits> {
  engine: Engine;
  /** This process's name in the cluster, in metadata and in logs. Default: a random UUID. */
  nodeId?: string;
  /** The source of time, timers and randomness. Default: the machine. A simulation gives another. */
  environment?: Environment;
  clock?: Clock;
  ids?: Ids;
  log?: Log;
  /** Classes of errors that commands of a `OneActor` throw, so that they keep their class on other nodes. */
  errors?: readonly ErrorClass[];
  /** The clock for ticks. Default: the machine's monotonic clock. */
  tickTime?: TickTime | undefined;
  /** Whether events that no registered class knows are logged, once for each name. Default true. */
  warnsOfUnknownEvents?: boolean;
  /** Gets reports of everything that this node does. Default: nobody. */
  telemetry?: Telemetry | undefined;
  /** Whether reactions and ticks wait for `begin()`. Default false. */
  waitsForBegin?: boolean;
}

/** The options with their defaults, checked. @throws RegistrationError (`INVALID_OPTION`). */
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
