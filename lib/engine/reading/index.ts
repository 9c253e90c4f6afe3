export { EventPull, type PullSource } from './event-pull.js';
export { Follower, type FollowerOptions, type FollowerSource } from './follower.js';
export { storePages, streamPages } from './paging.js';
export { SharedReader } from './shared-reader.js';
export { StoreFollower } from './store-follower.js';
export { contiguous, StreamFollower } from './stream-follower.js';
export { WakeTable } from './wake-table.js';
export { WakeUps } from './wake-ups.js';
