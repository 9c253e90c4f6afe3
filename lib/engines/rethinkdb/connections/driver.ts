import { EngineError, isInstance, messageOf, nameOf, propertyOf } from '../../../kernel/values/index.js';

/**
 * A ReQL term. These types declare the part of the driver that is used here, so that users of another engine need not
 * have its types.
 */
export interface Term {
  (field: string | number | Term): Term;
  run(connection: DriverConnection, options?: object): Promise<unknown>;
  table(name: string, options?: object): Term;
  tableCreate(name: string, options?: object): Term;
  tableList(): Term;
  indexCreate(name: string, options: object): Term;
  indexList(): Term;
  indexWait(...names: string[]): Term;
  wait(options?: object): Term;
  get(key: unknown): Term;
  getAll(...keys: unknown[]): Term;
  between(low: unknown, high: unknown, options?: object): Term;
  orderBy(...by: unknown[]): Term;
  union(other: Term, options?: object): Term;
  limit(count: number): Term;
  filter(by: unknown): Term;
  pluck(...fields: unknown[]): Term;
  distinct(options?: object): Term;
  count(): Term;
  isEmpty(): Term;
  contains(value: unknown): Term;
  coerceTo(type: string): Term;
  config(): Term;
  insert(documents: unknown, options?: object): Term;
  update(change: unknown, options?: object): Term;
  replace(change: unknown, options?: object): Term;
  delete(options?: object): Term;
  changes(options?: object): Term;
  default(value: unknown): Term;
  eq(value: unknown): Term;
  gt(value: unknown): Term;
  lt(value: unknown): Term;
  le(value: unknown): Term;
  merge(other: unknown): Term;
  and(...values: unknown[]): Term;
}

/** The driver's top-level object. */
export interface Reql {
  readonly net: { readonly TcpConnection: new (options: object, opened: (error: unknown) => void) => DriverConnection };
  db(name: string): Term;
  dbCreate(name: string): Term;
  dbList(): Term;
  expr(value: unknown): Term;
  json(text: string): Term;
  args(values: unknown): Term;
  do(value: Term, use: (value: Term) => Term): Term;
  row: Term;
  branch(...values: unknown[]): Term;
  desc(index: string): unknown;
  asc(index: string): unknown;
  minval: unknown;
  maxval: unknown;
}

export interface DriverConnection {
  close(options?: object): Promise<unknown>;
  on(event: string, listener: (error?: unknown) => void): unknown;
  readonly open: boolean;
  readonly rawSocket?: { destroy(): void };
}

/** A changefeed, or an answer in parts. */
export interface DriverCursor {
  /** Ends when `onItem` returns `false`. */
  each(onItem: (error: unknown, item: unknown) => boolean | undefined, onEnd?: () => void): void;
  close(): Promise<unknown>;
  /** After this many items, the driver hands out the next one in another turn of the event loop, by a timer. */
  stackSize?: number;
}

/**
 * Opens a connection. The driver's own `connect` hides the connection until it is open. If one is refused, it later
 * emits a time-out that nobody can listen for, which would end the process.
 */
export function connect(r: Reql, options: object): Promise<DriverConnection> {
  return new Promise((resolve, reject) => {
    const connection = new r.net.TcpConnection(options, (error) => {
      if (!error) {
        resolve(connection);
        return;
      }
      connection.rawSocket?.destroy();
      reject(error);
    });
    connection.on('error', () => {});
  });
}

/** Loads the driver when it is first needed, so that users of another engine need not install it. */
export async function loadDriver(): Promise<Reql> {
  try {
    return ((await import('rethinkdb')) as { default: unknown }).default as Reql;
  } catch (cause) {
    const message =
      "the RethinkDB engine needs the package 'rethinkdb', which is not installed: run 'npm install rethinkdb', or choose another " +
      'engine in EventSourcingModule.forRoot({ engine })';
    throw new EngineError('DRIVER_MISSING', message, { cause });
  }
}

/**
 * Turns an error of the driver or a socket into an `EngineError` that says what to do.
 *
 * @param mayHaveHappened whether a write that was sent has failed.
 */
export function rethinkDbError(error: unknown, mayHaveHappened: boolean): EngineError {
  if (isInstance(error, EngineError)) return error;
  const msg = propertyOf(error, 'msg');
  const said = typeof msg === 'string' ? msg : messageOf(error);
  const kind =
    KINDS.find(([names, text]) => names.includes(nameOf(error)) && text.test(said))?.[2] ?? 'ENGINE_UNREACHABLE';
  const { advice, unknown, ...flags } = ADVICE[kind];
  const outcomeUnknown = unknown && mayHaveHappened;
  return new EngineError(kind, `RethinkDB: ${advice} (${said})`, { cause: error, ...flags, outcomeUnknown });
}

/**
 * Whether the answer to a write says that replicas are not available. When it is thrown, `rethinkDbError` recognises
 * it.
 */
export function isRefusal(answer: unknown): boolean {
  const said = (answer as { first_error?: unknown } | null)?.first_error;
  return typeof said === 'string' && /not available|lost contact/.test(said);
}

const ADVICE = {
  AUTH_FAILED: { advice: 'the user or the password is wrong: check the options user and password', unknown: false },
  PERMISSION_DENIED: {
    advice: 'this user lacks a permission: grant it read, write and config on the database',
    unknown: false,
  },
  TABLE_MISSING: {
    advice: 'a table or index is missing. If it was dropped, stop all nodes and restore it from a backup',
    unknown: false,
  },
  DATABASE_AMBIGUOUS: {
    advice:
      'there are two tables of the same name. If nodes have just created them, this passes; otherwise look at ' +
      'rethinkdb.table_config, keep the table with the data, and delete the other by its id',
    retryable: true,
    unknown: false,
  },
  COMMIT_TOO_LARGE: {
    advice: 'a commit or an answer is larger than the server allows: store less in one commit',
    unknown: false,
  },
  ENGINE_UNAVAILABLE: {
    advice: 'too many replicas are down: start them again, or wait for the election of a new primary',
    retryable: true,
    unknown: false,
  },
  ENGINE_UNREACHABLE: {
    advice: 'the server cannot be reached, or the connection was lost',
    retryable: true,
    unknown: true,
  },
  ENGINE_FAILED: { advice: 'the server refused a query: if nobody changed the tables, this is a bug', unknown: false },
} as const;

/** The names of the driver's errors, their texts, and our codes for them. The first that fits counts. */
const KINDS: readonly (readonly [names: readonly string[], text: RegExp, ours: keyof typeof ADVICE])[] = [
  [['ReqlAuthError'], /./, 'AUTH_FAILED'],
  [['ReqlPermissionError'], /./, 'PERMISSION_DENIED'],
  [
    ['ReqlOpFailedError', 'ReqlQueryLogicError', 'ReqlRuntimeError'],
    /does not exist|was not found on table/,
    'TABLE_MISSING',
  ],
  [['ReqlOpFailedError', 'ReqlQueryLogicError'], /ambiguous/, 'DATABASE_AMBIGUOUS'],
  [['ReqlOpIndeterminateError'], /./, 'ENGINE_UNREACHABLE'],
  [['ReqlOpFailedError', 'ReqlAvailabilityError'], /./, 'ENGINE_UNAVAILABLE'],
  // While servers elect, they have no more specific error.
  [['ReqlInternalError', 'ReqlRuntimeError'], /servers? (was|were) accessible/, 'ENGINE_UNAVAILABLE'],
  [['ReqlResourceLimitError'], /./, 'COMMIT_TOO_LARGE'],
  [['ReqlDriverError', 'RqlDriverError', 'ReqlTimeoutError'], /./, 'ENGINE_UNREACHABLE'],
  [['ReqlRuntimeError'], /connection/i, 'ENGINE_UNREACHABLE'],
  [
    [
      'ReqlQueryLogicError',
      'ReqlNonExistenceError',
      'ReqlRuntimeError',
      'ReqlUserError',
      'ReqlInternalError',
      'ReqlServerCompileError',
    ],
    /./,
    'ENGINE_FAILED',
  ],
];
