export { Given, type GivenStage, type PartToken, type WhenStage } from './given.js';
export type { GivenEvent } from './plan.js';
