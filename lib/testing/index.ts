export * from './conformance/index.js';
export type { AsymmetricMatcher, Expected, ExpectedError, ExpectedEvent, ExpectedState } from './expected.js';
export { Given, type GivenStage, type PartToken, type WhenStage } from './given.js';
export type { KindMatcher } from './kinds.js';
export { ManualClock, type Time } from './manual-clock.js';
export type { GivenEvent } from './plan.js';
export { SequentialIds } from './sequential-ids.js';
export * from './simulation/index.js';
