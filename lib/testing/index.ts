export type {
  AsymmetricMatcher,
  Expected,
  ExpectedError,
  ExpectedEvent,
  ExpectedState,
  KindMatcher,
} from './comparing/index.js';
export {
  type ConformanceCase,
  describeEngine,
  type EngineFixture,
  engineConformanceCases,
  type OpenEngines,
  runCase,
  type TestRunner,
} from './conformance/index.js';
export { Given, type GivenEvent, type GivenStage, type PartToken, type WhenStage } from './scenario/index.js';
export {
  type CommandOutcome,
  type CommandRecord,
  type CourseEnd,
  FAULT_NAMES,
  type FaultName,
  type Invariant,
  type NodeParts,
  type SeededRandom,
  type SimulatedClient,
  type SimulatedRef,
  SimulationError,
  type SimulationFigures,
  type SimulationOptions,
  simulate,
  type Workload,
} from './simulation/index.js';
export { ManualClock, SequentialIds, type Time } from './world/index.js';
