import type { Environment } from '../../engine/environment/index.js';
import {
  DatabaseFile,
  type FileContents,
  MEMORY,
  openDatabase,
  realPathOf,
  type SqliteDatabase,
  sqliteError,
} from './file/index.js';
import {
  type CommitSignal,
  FileSignal,
  Mailbox,
  NO_SIGNAL,
  NodeTables,
  prepareStatements,
  SqliteReader,
  SqliteWriter,
  type Statements,
  Tail,
  Transactions,
} from './tables/index.js';

/** The parts of the engine between `open()` and `close()`. */
export interface Opened {
  readonly db: SqliteDatabase;
  readonly statements: Statements;
  readonly reader: SqliteReader;
  readonly writer: SqliteWriter;
  readonly transactions: Transactions;
  /** `undefined` for a database in memory. */
  readonly databaseFile: DatabaseFile | undefined;
  readonly signal: CommitSignal;
  readonly tail: Tail;
  readonly mailbox: Mailbox;
  readonly tables: NodeTables;
}

/**
 * Sizes in the write-ahead log: its header, and the header of each frame before its page (SQLite, "WAL-mode File
 * Format"). Bytes.
 */
const LOG_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/**
 * Opens the database, and makes the parts that work on it.
 *
 * @param writeUnsynced runs a transaction that need not survive a power cut, and gives the commit signal.
 * @throws EngineError.
 */
export async function openStore(
  environment: Environment,
  file: string,
  busyTimeoutMs: number,
  writeUnsynced: (work: () => void) => Promise<void>,
): Promise<Opened> {
  const db = await openDatabase(environment, file, busyTimeoutMs);
  try {
    const statements = prepareStatements(db);
    const reader = new SqliteReader(statements);
    const { databaseFile, signal } = filesOf(environment, file, db);
    const tail = new Tail(statements, reader, signal, environment);
    return {
      db,
      statements,
      reader,
      writer: new SqliteWriter(statements, reader),
      transactions: new Transactions(file, db, statements, databaseFile),
      databaseFile,
      signal,
      tail,
      mailbox: new Mailbox(statements, tail, writeUnsynced, environment),
      tables: new NodeTables(statements),
    };
  } catch (error) {
    db.close();
    throw sqliteError(error, file);
  }
}

function filesOf(
  environment: Environment,
  file: string,
  db: SqliteDatabase,
): { databaseFile: DatabaseFile | undefined; signal: CommitSignal } {
  if (file === MEMORY) return { databaseFile: undefined, signal: NO_SIGNAL };
  const real = realPathOf(file);
  const pageBytes = db.pragma('page_size', { simple: true }) as number;
  const contents: FileContents = {
    neededBytes: () => (db.pragma('page_count', { simple: true }) as number) * pageBytes,
    isLogWhole: (bytes) => {
      // A checkpoint reads everything that is not in the database's file yet.
      const [state] = db.pragma('wal_checkpoint(PASSIVE)') as { log: number; checkpointed: number }[];
      const { log = 0, checkpointed = 0 } = state ?? {};
      return checkpointed >= log || bytes >= LOG_HEADER_BYTES + log * (FRAME_HEADER_BYTES + pageBytes);
    },
  };
  return { databaseFile: new DatabaseFile(file, real, environment, contents), signal: new FileSignal(real) };
}
