export { projectionStream } from './projection-runner.js';
export { type ProjectionProgress, Projections } from './projections.js';
