export { type CommitSignal, FileSignal, NO_SIGNAL } from './file-signal.js';
export { Mailbox } from './mailbox.js';
export { NodeTables } from './node-tables.js';
export { SqliteReader } from './sqlite-reader.js';
export { SqliteWriter } from './sqlite-writer.js';
export { prepareStatements, type Statements } from './statements.js';
export { Tail } from './tail.js';
export { type Synchronous, Transactions } from './transactions.js';
