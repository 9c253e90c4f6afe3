export { BUILT_IN_INVARIANTS } from './built-in-invariants.js';
export { fold } from './fold.js';
export type { InvariantWatch, Watched } from './invariant.js';
