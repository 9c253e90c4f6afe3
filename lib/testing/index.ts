export type { AsymmetricMatcher, Expected, ExpectedError, ExpectedEvent, ExpectedState } from './comparing/expected.js';
export type { KindMatcher } from './comparing/kinds.js';
export * from './conformance/index.js';
export { Given, type GivenStage, type PartToken, type WhenStage } from './scenario/given.js';
export type { GivenEvent } from './scenario/plan.js';
export * from './simulation/index.js';
export { ManualClock, type Time } from './world/manual-clock.js';
export { SequentialIds } from './world/sequential-ids.js';
