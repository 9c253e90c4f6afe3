export { loadTelemetry } from './load-telemetry.js';
