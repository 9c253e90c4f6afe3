export type { SimulatedClient, SimulatedRef, Workload } from './cluster/clients.js';
export type { CommandOutcome, CommandRecord } from './cluster/commands.js';
export type { NodeParts } from './cluster/started-node.js';
export type { CourseEnd, Invariant } from './course-end.js';
export { FAULT_NAMES, type FaultName } from './faults/fault-plan.js';
export { type SimulationFigures, type SimulationOptions, simulate } from './simulate.js';
export { SimulationError } from './simulation-error.js';
export type { SeededRandom } from './world/seeded-random.js';
