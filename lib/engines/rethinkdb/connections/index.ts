export { Connections } from './connections.js';
export { loadDriver, type Reql, type Term } from './driver.js';
export { Feed } from './feed.js';
export { FeedConnection } from './feed-connection.js';
export { type RethinkDbEngineOptions, type RethinkDbServer, type Settings, settingsOf } from './options.js';
