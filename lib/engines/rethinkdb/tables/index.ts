export { Mailbox } from './mailbox.js';
export { SmallTables } from './small-tables.js';
