export type { RethinkDbEngineOptions, RethinkDbServer } from './connections/options.js';
export { RethinkDbEngine } from './rethink-db-engine.js';
