export type {
  CommandOutcome,
  CommandRecord,
  NodeParts,
  SimulatedClient,
  SimulatedRef,
  Workload,
} from './cluster/index.js';
export type { CourseEnd, Invariant } from './course-end.js';
export { FAULT_NAMES, type FaultName } from './faults/index.js';
export { type SimulationFigures, type SimulationOptions, simulate } from './simulate.js';
export { SimulationError } from './simulation-error.js';
export type { SeededRandom } from './world/index.js';
