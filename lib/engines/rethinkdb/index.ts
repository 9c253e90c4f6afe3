export type { RethinkDbEngineOptions, RethinkDbServer } from './options.js';
export { RethinkDbEngine } from './rethink-db-engine.js';
