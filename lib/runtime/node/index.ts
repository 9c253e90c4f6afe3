export type { NodeHealth } from './health.js';
export { Runtime } from './runtime.js';
