/** A thrown value, described as plain data. */
export interface StoredFailure {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  /** Its cause. */
  readonly cause?: StoredFailure;
  /** The first of the errors that an `AggregateError` contains. */
  readonly errors?: readonly StoredFailure[];
}

/** How many failures are kept of a thrown value: itself, its causes, and the errors that it contains. */
export const FAILURES_MAX = 20;
/** How deep causes and contained errors are followed. */
export const FAILURE_DEPTH_MAX = 5;
/** The longest message that is kept, in UTF-16 code units. */
export const MESSAGE_LENGTH_MAX = 8_000;
/** The longest stack that is kept, in UTF-16 code units. */
export const STACK_LENGTH_MAX = 8_000;
/** The longest text of a value that is not an error, in UTF-16 code units. */
const SKETCH_LENGTH_MAX = 1_000;
/** How many levels of such a value are shown, and how many keys or items of each. */
const SKETCH_DEPTH_MAX = 3;
const SKETCH_ITEMS_MAX = 20;

/*
 * Anything can be thrown: `undefined`, a Proxy whose traps throw, an error whose getters throw. Nothing in this file
 * throws, whatever it is given, so that reporting a failure never causes another one.
 */

/** `instanceof` that never throws; `false` for a Proxy that throws. */
export function isInstance<T>(value: unknown, of: abstract new (...args: never[]) => T): value is T {
  return attempt(() => value instanceof of) ?? false;
}

/** Whether the value is an error, of any realm. */
export function isError(value: unknown): value is Error {
  if (!isObject(value)) return false;
  return isInstance(value, Error) || ERROR_TAGS.has(attempt(() => Object.prototype.toString.call(value)) ?? '');
}

const ERROR_TAGS: ReadonlySet<string> = new Set(['[object Error]', '[object DOMException]']);

/** Reads a property; `undefined` if it cannot be read. */
export function propertyOf(value: unknown, key: string): unknown {
  return isObject(value) ? attempt(() => (value as Record<string, unknown>)[key]) : undefined;
}

/** Why something failed, in as many lines as its message has: the message of an error, the text of anything else. */
export function messageOf(thrown: unknown): string {
  if (!isErrorLike(thrown)) return cut(plainText(thrown), MESSAGE_LENGTH_MAX);
  const message = propertyOf(thrown, 'message');
  if (message === undefined || message === '') return nameOf(thrown);
  return cut(plainText(message), MESSAGE_LENGTH_MAX);
}

/** The kind of a thrown value: the `name` of an error or of an object that has one, otherwise its type. */
export function nameOf(thrown: unknown): string {
  const name = typeof thrown === 'object' ? propertyOf(thrown, 'name') : undefined;
  if (typeof name === 'string' && name !== '') return name;
  return isErrorLike(thrown) ? (classNameOf(thrown) ?? 'Error') : typeof thrown;
}

/** The name of the value's class. */
export function classNameOf(thrown: unknown): string | undefined {
  const name = propertyOf(propertyOf(thrown, 'constructor'), 'name');
  return typeof name === 'string' && name !== '' ? name : undefined;
}

/** The error's code, as text. */
export function codeOf(thrown: unknown): string | undefined {
  const code = propertyOf(thrown, 'code');
  return typeof code === 'string' || typeof code === 'number' || typeof code === 'bigint' ? String(code) : undefined;
}

/** Describes a thrown value as plain data, to be stored. */
export function storedFailure(thrown: unknown): StoredFailure {
  return failureIn({ left: FAILURES_MAX }, thrown, FAILURE_DEPTH_MAX);
}

/** Why something failed, with its causes, in one line for the log. */
export function reasonOf(thrown: unknown): string {
  return reasonIn(storedFailure(thrown), messageOf(thrown));
}

/** The same with stacks, in several lines for the log. */
export function traceOf(thrown: unknown): string {
  return traceIn(storedFailure(thrown), '');
}

/** The first of the errors that an `AggregateError` contains. */
export function gatheredBy(thrown: unknown, max: number): unknown[] {
  const errors = propertyOf(thrown, 'errors');
  if (attempt(() => Array.isArray(errors)) !== true) return [];
  return attempt(() => (errors as unknown[]).slice(0, max)) ?? [];
}

function failureIn(budget: { left: number }, thrown: unknown, depth: number): StoredFailure {
  budget.left -= 1;
  const code = codeOf(thrown);
  const stack = propertyOf(thrown, 'stack');
  const cause = propertyOf(thrown, 'cause');
  const goesOn = depth > 1;
  const hasCause = goesOn && cause !== undefined && cause !== thrown && budget.left > 0;
  const failure = {
    name: nameOf(thrown),
    message: isErrorLike(thrown) && propertyOf(thrown, 'message') === '' ? '' : messageOf(thrown),
    ...(code !== undefined && { code }),
    ...(typeof stack === 'string' && stack !== '' && { stack: cut(stack, STACK_LENGTH_MAX) }),
    ...(hasCause && { cause: failureIn(budget, cause, depth - 1) }),
  };
  const errors: StoredFailure[] = [];
  for (const each of goesOn ? gatheredBy(thrown, budget.left) : []) {
    if (budget.left > 0) errors.push(failureIn(budget, each, depth - 1));
  }
  return errors.length > 0 ? { ...failure, errors } : failure;
}

function reasonIn({ cause, errors = [] }: StoredFailure, message: string): string {
  const reasons = [...errors, ...(cause ? [cause] : [])].map((each) => reasonIn(each, `${each.name}: ${each.message}`));
  return reasons.length === 0 ? message : `${message} (because of ${reasons.join('; ')})`;
}

function traceIn({ name, message, stack, cause, errors = [] }: StoredFailure, indent: string): string {
  const own = (stack ?? `${name}: ${message}`).replaceAll('\n', `\n${indent}`);
  const inner = [...errors.map((each) => ['error', each] as const), ...(cause ? [['cause', cause] as const] : [])];
  return own + inner.map(([what, each]) => `\n${indent}  [${what}] ${traceIn(each, `${indent}  `)}`).join('');
}

/** Whether the value has a message, or is an error without one. */
function isErrorLike(value: unknown): boolean {
  return isError(value) || (isObject(value) && typeof propertyOf(value, 'message') === 'string');
}

function plainText(value: unknown): string {
  if (!isObject(value)) return String(value);
  return ownText(value) ?? attempt(() => sketch(value, SKETCH_DEPTH_MAX)) ?? `${typeof value} without a text`;
}

/** The result of the value's own `toString`, if it has one. */
function ownText(value: object): string | undefined {
  const toText = propertyOf(value, 'toString');
  if (typeof toText !== 'function' || toText === Object.prototype.toString || toText === Array.prototype.toString) {
    return undefined;
  }
  const text = attempt(() => String(value));
  return text?.startsWith('[object ') ? undefined : text;
}

/** A text like JSON, of as much as fits. */
function sketch(value: unknown, depth: number): string {
  if (typeof value === 'string') return JSON.stringify(cut(value, SKETCH_LENGTH_MAX));
  if (!isObject(value)) return String(value);
  if (isError(value)) return `${nameOf(value)}: ${stringIn(value, 'message')}`;
  if (depth === 0) return '…';
  const isList = Array.isArray(value);
  const keys = Object.keys(value);
  const items = keys.slice(0, SKETCH_ITEMS_MAX).map((key) => {
    const text = attempt(() => sketch((value as Record<string, unknown>)[key], depth - 1)) ?? '…';
    return isList ? text : `${JSON.stringify(key)}:${text}`;
  });
  if (keys.length > items.length) items.push('…');
  const text = cut(items.join(','), SKETCH_LENGTH_MAX);
  return isList ? `[${text}]` : `{${text}}`;
}

/** The first part of a text. A surrogate pair is not cut in two. */
function cut(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  const last = text.charCodeAt(lengthMax - 1);
  const isHalf = last >= 0xd800 && last <= 0xdbff;
  return `${text.slice(0, isHalf ? lengthMax - 1 : lengthMax)}…`;
}

function stringIn(value: object, key: string): string {
  const text = propertyOf(value, key);
  return typeof text === 'string' ? cut(text, SKETCH_LENGTH_MAX) : '…';
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
