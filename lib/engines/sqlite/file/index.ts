export { openDatabase, whenFree } from './connection.js';
export { DatabaseFile, type FileContents, realPathOf, SIGNAL_SUFFIX } from './database-file.js';
export type { SqliteDatabase } from './driver.js';
export { checkedBusyTimeoutMs, checkedFile, MEMORY, type SqliteEngineOptions } from './options.js';
export { sqliteError } from './sqlite-errors.js';
