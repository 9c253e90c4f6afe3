export type { SqliteEngineOptions } from './options.js';
export { SqliteEngine } from './sqlite-engine.js';
