export { Link } from './link.js';
export { Mailboxes } from './mailboxes.js';
export { SimulatedEngine } from './simulated-engine.js';
export { indexAfter } from './simulated-reads.js';
export type { StoredCommit } from './simulated-store.js';
export { World } from './simulated-world.js';
