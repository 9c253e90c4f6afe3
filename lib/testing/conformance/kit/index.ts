export {
  assertAppended,
  assertConflict,
  assertStream,
  type ConformanceCase,
  type EngineFixture,
  eventually,
  newEvent,
  newEvents,
  type OpenEngines,
  pause,
  positionsGiven,
  readStore,
  readWhole,
  runCase,
  store,
} from './conformance-case.js';
export { followInPieces, writeAtRandom } from './following.js';
export { losingFirstAnswer } from './lossy-engine.js';
export { randomInt } from './random.js';
