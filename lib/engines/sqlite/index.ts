export type { SqliteEngineOptions } from './file/index.js';
export { SqliteEngine } from './sqlite-engine.js';
