export type { RethinkDbEngineOptions, RethinkDbServer } from './connections/index.js';
export { RethinkDbEngine } from './rethink-db-engine.js';
