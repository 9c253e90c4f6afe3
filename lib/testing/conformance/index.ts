export { describeEngine, engineConformanceCases, type TestRunner } from './conformance-suite.js';
export { type ConformanceCase, type EngineFixture, type OpenEngines, runCase } from './kit/index.js';
