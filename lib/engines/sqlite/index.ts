export type { SqliteEngineOptions } from './file/options.js';
export { SqliteEngine } from './sqlite-engine.js';
