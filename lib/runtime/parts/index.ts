export { Gate } from './gate.js';
export { safeLog } from './safe-log.js';
export { safeTelemetry } from './safe-telemetry.js';
export { checkedLimits, type Log, type RuntimeLimits, type RuntimeParts } from './settings.js';
export { RandomIds, SystemClock } from './system-clock.js';
export {
  type ObservedNode,
  type Telemetry,
  type Trace,
  type TracedActor,
  type TracedCall,
  type TracedCause,
  type TracedCommit,
  traced,
} from './telemetry.js';
export { type TickTime, tickTimeOf } from './tick-time.js';
export { UnknownEvents } from './unknown-events.js';
export { WriteHealth } from './write-health.js';
