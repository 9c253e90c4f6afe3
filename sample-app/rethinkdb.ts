/** The game on RethinkDB: on the server of this machine unless `RETHINKDB` names others. */
process.env.RETHINKDB ??= 'localhost:28015';
await import('./main.js');
