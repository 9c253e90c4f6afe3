import { isError, messageOf } from './thrown.js';

/** Additional facts that every error of this library can carry. */
export interface OmniscientErrorOptions {
  /** The underlying failure, if there was one. */
  cause?: unknown;
  /** Whether the same call may succeed if it is repeated unchanged. Default `false`. */
  retryable?: boolean;
}

/**
 * The base of every error that this library throws. It has a stable `code` to branch on, a message that says what
 * happened and what to do, `retryable`, and the underlying `cause` if there was one.
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

/**
 * A class, decorator or module is configured wrongly. It is thrown at start-up; the message names the class and the
 * fix.
 */
export class RegistrationError extends OmniscientError {}

/** Two actor classes have the same name (`DUPLICATE_ACTOR`). */
export function duplicateActor(name: string): RegistrationError {
  return new RegistrationError(
    'DUPLICATE_ACTOR',
    `two actor classes are called '${name}': give one of them another name with @Actor({ name: '…' }); the name is written into every ` +
      'event, so choose it for good',
  );
}

/** An actor or stream id is empty, no string, too long, or reserved (`INVALID_ID`). */
export class InvalidIdError extends OmniscientError {
  constructor(message: string) {
    super('INVALID_ID', message);
  }
}

/** A payload would not survive JSON unchanged (`PAYLOAD_NOT_JSON`). */
export class PayloadError extends OmniscientError {
  readonly path: string;

  constructor(message: string, path: string) {
    super('PAYLOAD_NOT_JSON', message);
    this.path = path;
  }
}

/** Whose value a schema checked: the payload of an event, or the argument of a command at this index (0, 1, …). */
type Checked =
  | { readonly actor: string; readonly event: string }
  | { readonly actor: string; readonly command: string; readonly place: number };

/** How many issues the message of a `SchemaError` shows at most. */
const ISSUES_SHOWN_MAX = 5;

/** One problem of a value. */
export interface SchemaIssue {
  /** The path to the problem, as in `items[2].price`; empty for the value as a whole. */
  readonly path: string;
  /** The schema library's own message. */
  readonly message: string;
}

/**
 * The payload of an event, or the argument of a command, does not fit its schema (`SCHEMA_MISMATCH`). Nothing was
 * applied or stored.
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
  /** The event, if its payload does not fit. */
  readonly event: string | undefined;
  /** The command, if its argument does not fit. */
  readonly command: string | undefined;
  /**
   * The path to the first issue: `items[2].price` in a payload, `args[0].items[2].price` in the arguments of a command;
   * empty for a whole payload.
   */
  readonly path: string;
  /** All issues of the value, up to one hundred. */
  readonly issues: readonly SchemaIssue[];

  constructor(whose: Checked, issues: readonly SchemaIssue[]) {
    const root = 'place' in whose ? `args[${whose.place}]` : '';
    const shown = issues.slice(0, ISSUES_SHOWN_MAX).map((issue) => textOfIssue(root, issue));
    const more = issues.length > shown.length ? `; and ${issues.length - shown.length} more` : '';
    super('SCHEMA_MISMATCH', `${describeChecked(whose)} does not fit its schema: ${shown.join('; ')}${more}`);
    this.actor = whose.actor;
    this.event = 'event' in whose ? whose.event : undefined;
    this.command = 'command' in whose ? whose.command : undefined;
    this.issues = issues.map(({ path, message }) => ({ path: joinPath(root, path), message }));
    this.path = this.issues[0]?.path ?? root;
  }
}

/** A schema returned a promise (`ASYNC_SCHEMA`). */
export function asyncSchema(whose: Checked): RegistrationError {
  return new RegistrationError(
    'ASYNC_SCHEMA',
    `the schema of ${describeChecked(whose)} returned a promise, but schemas are checked synchronously: leave out its asynchronous checks, ` +
      'and make them in the command',
  );
}

function describeChecked(whose: Checked): string {
  return 'event' in whose
    ? `the payload of '${whose.event}' (${whose.actor})`
    : `argument ${whose.place + 1} of '${whose.command}' (${whose.actor})`;
}

/** Some schema libraries begin their messages with the path. It must not appear twice. */
function textOfIssue(root: string, { path, message }: SchemaIssue): string {
  const where = joinPath(root, path);
  const what = path !== '' && message.startsWith(`${path} `) ? message.slice(path.length + 1) : message;
  return where === '' ? what : `${where}: ${what}`;
}

function joinPath(root: string, path: string): string {
  return root === '' || path === '' || path.startsWith('[') ? root + path : `${root}.${path}`;
}

/** An event handler threw, so the command or the loading failed (`HANDLER_FAILED`). `version` is 0 for an event that is not stored yet. */
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

/** The state was written to outside an event handler (`STATE_READ_ONLY`). */
export class StateReadOnlyError extends OmniscientError {
  constructor(path: string) {
    super(
      'STATE_READ_ONLY',
      `the state is read-only here (write to '${path}'): fire an event, and change the state in its @EventHandler`,
    );
  }
}

/** Other events were stored first, and this command has `onConflict: 'reject'` or could not be decided again (`CONFLICT`). */
export class ConflictError extends OmniscientError {
  constructor(message: string, options: OmniscientErrorOptions = {}) {
    super('CONFLICT', message, { retryable: true, ...options });
  }
}

/** It is not known yet whether the commit is durable (`COMMIT_TIMEOUT`). Its events stay pending, and storing them goes on. */
export class CommitTimeoutError extends OmniscientError {
  /** `who` is the actor's class and id, as in `User 'anna'`; `afterMs` is in milliseconds. */
  constructor(who: string, afterMs: number, cause?: unknown) {
    super(
      'COMMIT_TIMEOUT',
      `${who}: the commit was not stored within ${afterMs} ms; its events stay pending, and storing them is ` +
        `retried${isError(cause) ? ` (the last try failed: ${messageOf(cause)})` : ''}. Do not repeat the command: look at the ` +
        'stream to learn how it ended.',
      { cause },
    );
  }
}

/** Too many commands wait for this actor (`ACTOR_OVERLOADED`). The refused command was not run. */
export class ActorOverloadedError extends OmniscientError {
  constructor(actor: string, streamId: string, mailboxSizeMax: number) {
    super(
      'ACTOR_OVERLOADED',
      `${actor} '${streamId}' already has ${mailboxSizeMax} commands waiting (mailboxSizeMax): try again later`,
      { retryable: true },
    );
  }
}

/** A chain of calls led back to an actor that waits for it (`DEADLOCK`). `chain` names the actors in order. */
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

/** `fire`, `commit` or the like was called outside a running command (`NO_TURN`), for instance after the command had returned. */
export class TurnError extends OmniscientError {
  constructor(message: string) {
    super('NO_TURN', message);
  }
}

/** The command does not exist, or the method is not a `@Command()` (`UNKNOWN_COMMAND`). */
export class UnknownCommandError extends OmniscientError {
  constructor(message: string) {
    super('UNKNOWN_COMMAND', message);
  }
}

/** The module is shutting down and accepts no more commands (`SHUTTING_DOWN`). */
export class ShuttingDownError extends OmniscientError {
  constructor() {
    super(
      'SHUTTING_DOWN',
      'this node is shutting down and accepts no more commands: send the command to another node',
      {
        retryable: true,
      },
    );
  }
}

/** An engine failed. `code` says how: docs/reference/errors.md lists the codes. */
export class EngineError extends OmniscientError {
  /**
   * `true` when the write may have been stored although no answer came, for instance after a lost connection. Look for your own event ids before you repeat the
   * write.
   */
  readonly outcomeUnknown: boolean;

  constructor(code: string, message: string, options: OmniscientErrorOptions & { outcomeUnknown?: boolean } = {}) {
    super(code, message, options);
    this.outcomeUnknown = options.outcomeUnknown ?? false;
  }
}
