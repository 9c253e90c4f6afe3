export { ActiveFaults } from './active-faults.js';
export type { Fault, FaultyNode, MessageFate, RequestFate, RequestKind, StoreRequest, WakeFate } from './fault.js';
export { FAULT_NAMES, type FaultName, planFaults } from './fault-plan.js';
