import { isError, messageOf } from './thrown.js';

/** Extra facts every error of this library can carry. */
export interface OmniscientErrorOptions {
  /** What made this happen, when something underneath failed. */
  cause?: unknown;
  /** Whether the same call may succeed if it is made again unchanged. Default `false`. */
  retryable?: boolean;
}

/**
 * The base of every error this library throws: a stable `code` to branch on, a message that says what was wrong and
 * what to do about it, `retryable`, and the `cause` underneath if there was one.
 *
 * @example
 * ```ts
 * import { OmniscientError } from 'omniscient-nest';
 *
 * export function mayTryAgain(error: unknown): boolean {
 *   return error instanceof OmniscientError && error.retryable;
 * }
 * ```
 */
export class OmniscientError extends Error {
  readonly code: string;
  readonly retryable: boolean;

  constructor(code: string, message: string, options: OmniscientErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** A class, decorator or module is set up wrongly; thrown at start-up and names the class and the fix. */
export class RegistrationError extends OmniscientError {}

/** Two actor classes of one name (`DUPLICATE_ACTOR`). */
export function duplicateActor(name: string): RegistrationError {
  return new RegistrationError(
    'DUPLICATE_ACTOR',
    `two actor classes are called '${name}': give one of them another name with @Actor({ name: '…' }); the name is written into every ` +
      'event, so choose it for good',
  );
}

/** An actor or stream id that is empty, not a string, or too long (`INVALID_ID`). */
export class InvalidIdError extends OmniscientError {
  constructor(message: string) {
    super('INVALID_ID', message);
  }
}

/** A payload that JSON would not give back the same (`PAYLOAD_NOT_JSON`); `path` leads to the value, as in `$.items[3].at`. */
export class PayloadError extends OmniscientError {
  readonly path: string;

  constructor(message: string, path: string) {
    super('PAYLOAD_NOT_JSON', message);
    this.path = path;
  }
}

/** Whose value a schema looked at: an event's payload, or the argument of a command at this place (0, 1, …). */
type Checked =
  | { readonly actor: string; readonly event: string }
  | { readonly actor: string; readonly command: string; readonly place: number };

/** Most issues that a `SchemaError` tells in its message. */
const ISSUES_TOLD_MAX = 5;

/** One thing that is wrong with a value. */
export interface SchemaIssue {
  /** Where, as in `items[2].price`; empty for the value as a whole. */
  readonly path: string;
  /** In the words of the schema's library. */
  readonly message: string;
}

/**
 * An event's payload or a command's argument does not fit its schema (`SCHEMA_MISMATCH`); nothing of it was applied or stored.
 *
 * @example
 * ```ts
 * import { SchemaError } from 'omniscient-nest';
 *
 * export function wrongFields(error: unknown): string[] {
 *   return error instanceof SchemaError ? error.issues.map(({ path, message }) => `${path}: ${message}`) : [];
 * }
 * ```
 */
export class SchemaError extends OmniscientError {
  /** Name of the actor class. */
  readonly actor: string;
  /** The event whose payload it is. */
  readonly event: string | undefined;
  /** The command whose argument it is. */
  readonly command: string | undefined;
  /** Where the first issue is: `items[2].price` in a payload, `args[0].items[2].price` in the arguments of a command; empty for a whole payload. */
  readonly path: string;
  /** All that is wrong with the value (the first hundred). */
  readonly issues: readonly SchemaIssue[];

  constructor(whose: Checked, issues: readonly SchemaIssue[]) {
    const root = 'place' in whose ? `args[${whose.place}]` : '';
    const told = issues.slice(0, ISSUES_TOLD_MAX).map((issue) => textOfIssue(root, issue));
    const more = issues.length > told.length ? `; and ${issues.length - told.length} more` : '';
    super('SCHEMA_MISMATCH', `${describeChecked(whose)} does not fit its schema: ${told.join('; ')}${more}`);
    this.actor = whose.actor;
    this.event = 'event' in whose ? whose.event : undefined;
    this.command = 'command' in whose ? whose.command : undefined;
    this.issues = issues.map(({ path, message }) => ({ path: joinPath(root, path), message }));
    this.path = this.issues[0]?.path ?? root;
  }
}

/** A schema that answers with a promise (`ASYNC_SCHEMA`). */
export function asyncSchema(whose: Checked): RegistrationError {
  return new RegistrationError(
    'ASYNC_SCHEMA',
    `the schema of ${describeChecked(whose)} answers with a promise, and nothing can wait for it here: leave out its asynchronous checks, ` +
      'and make them in the command',
  );
}

function describeChecked(whose: Checked): string {
  return 'event' in whose
    ? `the payload of '${whose.event}' (${whose.actor})`
    : `argument ${whose.place + 1} of '${whose.command}' (${whose.actor})`;
}

/** Some libraries begin their messages with the path. */
function textOfIssue(root: string, { path, message }: SchemaIssue): string {
  const where = joinPath(root, path);
  const what = path !== '' && message.startsWith(`${path} `) ? message.slice(path.length + 1) : message;
  return where === '' ? what : `${where}: ${what}`;
}

function joinPath(root: string, path: string): string {
  return root === '' || path === '' || path.startsWith('[') ? root + path : `${root}.${path}`;
}

/** An event handler threw: the command, or the loading, failed (`HANDLER_FAILED`). `version` is 0 for an event not yet stored. */
export class HandlerError extends OmniscientError {
  readonly actor: string;
  readonly streamId: string;
  readonly event: string;
  readonly version: number;

  constructor(where: { actor: string; streamId: string; event: string; version: number }, cause: unknown) {
    const at = where.version === 0 ? 'as it was fired' : `at version ${where.version}`;
    const why = messageOf(cause);
    super(
      'HANDLER_FAILED',
      `${where.actor}'s handler of '${where.event}' failed ${at} of stream '${where.streamId}': ${why}`,
      { cause },
    );
    this.actor = where.actor;
    this.streamId = where.streamId;
    this.event = where.event;
    this.version = where.version;
  }
}

/** Somebody wrote to the state outside an event handler (`STATE_READ_ONLY`). */
export class StateReadOnlyError extends OmniscientError {
  constructor(path: string) {
    super(
      'STATE_READ_ONLY',
      `the state is read-only here (write to '${path}'): fire an event, and change the state in its @EventHandler`,
    );
  }
}

/** Others' events came first and this command chose `onConflict: 'reject'`, or could not be decided anew (`CONFLICT`). */
export class ConflictError extends OmniscientError {
  constructor(message: string, options: OmniscientErrorOptions = {}) {
    super('CONFLICT', message, { retryable: true, ...options });
  }
}

/** The commit is not known to be durable yet (`COMMIT_TIMEOUT`); its events stay pending and are still being stored. */
export class CommitTimeoutError extends OmniscientError {
  /** `who` is the actor's class and id, as in `User 'anna'`. */
  constructor(who: string, afterMs: number, cause?: unknown) {
    super(
      'COMMIT_TIMEOUT',
      `${who}: the commit was not stored within ${afterMs} ms; its events stay pending and are ` +
        `still tried${isError(cause) ? ` (the last try failed: ${messageOf(cause)})` : ''}. Do not repeat the command: look at the ` +
        'stream to learn how it ended.',
      { cause },
    );
  }
}

/** Too many commands wait for this actor (`ACTOR_OVERLOADED`); nothing of the refused one was run. */
export class ActorOverloadedError extends OmniscientError {
  constructor(actor: string, streamId: string, mailboxSizeMax: number) {
    super(
      'ACTOR_OVERLOADED',
      `${actor} '${streamId}' already has ${mailboxSizeMax} commands waiting (mailboxSizeMax): try again later`,
      { retryable: true },
    );
  }
}

/** A chain of calls came back to an actor that waits for it (`DEADLOCK`); `chain` names the actors in order. */
export class DeadlockError extends OmniscientError {
  readonly chain: readonly string[];

  constructor(chain: readonly string[]) {
    super(
      'DEADLOCK',
      `these calls wait for each other and would never end: ${chain.join(' -> ')}. Fire an event instead of calling back.`,
    );
    this.chain = chain;
  }
}

/** `fire` or `commit` outside a running command (`NO_TURN`), for instance after the command has already returned. */
export class TurnError extends OmniscientError {
  constructor(message: string) {
    super('NO_TURN', message);
  }
}

/** The command does not exist, or the method is no `@Command()` (`UNKNOWN_COMMAND`). */
export class UnknownCommandError extends OmniscientError {
  constructor(message: string) {
    super('UNKNOWN_COMMAND', message);
  }
}

/** The module is shutting down and takes no more commands (`SHUTTING_DOWN`). */
export class ShuttingDownError extends OmniscientError {
  constructor() {
    super('SHUTTING_DOWN', 'this node is shutting down and takes no more commands: send it to another node', {
      retryable: true,
    });
  }
}

/** What an engine reports; `code` says which: docs/reference/errors.md lists them. */
export class EngineError extends OmniscientError {
  /**
   * `true` when the write may have been stored although no answer came (a lost connection): whoever retries must look
   * for its own event ids first.
   */
  readonly outcomeUnknown: boolean;

  constructor(code: string, message: string, options: OmniscientErrorOptions & { outcomeUnknown?: boolean } = {}) {
    super(code, message, options);
    this.outcomeUnknown = options.outcomeUnknown ?? false;
  }
}
