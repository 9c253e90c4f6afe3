import { EngineError } from '../../../kernel/values/errors.js';
import { isInstance, messageOf, nameOf, propertyOf } from '../../../kernel/values/thrown.js';

/** A ReQL term: what is used of the driver's, so that its types are needed by nobody who uses another engine. */
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

/** The driver's door. */
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
  /** `false` from `onItem` ends it. */
  each(onItem: (error: unknown, item: unknown) => boolean | undefined, onEnd?: () => void): void;
  close(): Promise<unknown>;
  /** After so many items it hands out the next in another turn of the event loop, which it comes to by a timer. */
  stackSize?: number;
}

/**
 * Opens a connection. The driver's own `connect` hides the connection until it is open, and one that was refused goes on to tell of a time-out
 * that nobody can listen for: that would end the process.
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

/** Loads the driver when it is first needed: who uses another engine need not install it. */
export async function loadDriver(): Promise<Reql> {
  try {
    return ((await import('rethinkdb')) as { default: unknown }).default as Reql;
  } catch (cause) {
    const message =
      "the RethinkDB engine needs the package 'rethinkdb', which is not installed: run 'npm install rethinkdb', or choose another engine in " +
      'EventSourcingModule.forRoot({ engine })';
    throw new EngineError('DRIVER_MISSING', message, { cause });
  }
}

/** Turns what the driver or a socket says into what to do about it. `mayHaveHappened`: what failed was a write that was sent. */
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

/** Whether the answer to a write says that replicas are not available: what `rethinkDbError` makes of it where it is thrown. */
export function isRefusal(answer: unknown): boolean {
  const said = (answer as { first_error?: unknown } | null)?.first_error;
  return typeof said === 'string' && /not available|lost contact/.test(said);
}

const ADVICE = {
  AUTH_FAILED: { advice: 'user or password is wrong: look at the options user and password', unknown: false },
  PERMISSION_DENIED: {
    advice: 'this user may not do that: grant it read, write and config on the database',
    unknown: false,
  },
  TABLE_MISSING: {
    advice: 'a table or index of ours is gone: was it dropped? Stop all nodes and restore it from a backup',
    unknown: false,
  },
  DATABASE_AMBIGUOUS: {
    advice:
      'there are two tables of one name. It passes where nodes have just created them; else look at rethinkdb.table_config, keep the one with the data, delete the other by its id',
    retryable: true,
    unknown: false,
  },
  COMMIT_TOO_LARGE: {
    advice: 'a commit or answer is larger than the server takes: store it in several',
    unknown: false,
  },
  ENGINE_UNAVAILABLE: { advice: 'too many replicas are down', retryable: true, unknown: false },
  ENGINE_UNREACHABLE: { advice: 'no connection', retryable: true, unknown: true },
  ENGINE_FAILED: { advice: 'the server refused a query', unknown: false },
} as const;

/** Names of the driver's errors, what they say, and what that is to us; the first that fits. */
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
  // While the servers elect: they have no better word for it.
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
