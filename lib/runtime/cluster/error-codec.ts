import {
  classNameOf,
  ERROR_CLASSES,
  FAILURE_DEPTH_MAX,
  FAILURES_MAX,
  gatheredBy,
  isError,
  messageOf,
  propertyOf,
  STACK_LENGTH_MAX,
} from '../../kernel/values/index.js';

/**
 * Encodes errors for sending them between nodes. Class, name, message, `code` and other plain properties, stack, causes
 * and contained errors arrive unchanged. So do values that are not errors: plain data, `undefined`, a bigint. Of
 * anything else its text arrives. Encoding never throws, whatever was thrown.
 */
export class ErrorCodec {
  /** Classes that users registered, by name. */
  readonly #classes = new Map<string, ErrorClass>();

  constructor(classes: readonly ErrorClass[] = []) {
    for (const each of classes) this.add(each);
  }

  /** Registers a class under its name. The last one of a name counts. */
  add(errorClass: ErrorClass): void {
    this.#classes.set(errorClass.name, errorClass);
  }

  encode(thrown: unknown): string {
    return JSON.stringify(encodeAny(thrown, FAILURE_DEPTH_MAX, { left: FAILURES_MAX }));
  }

  decode(text: string): unknown {
    return this.#decode(JSON.parse(text) as EncodedError | EncodedValue);
  }

  #decode(encoded: EncodedError | EncodedValue): unknown {
    if ('value' in encoded) return decodeValue(encoded);
    const error = this.#bare(encoded);
    define(error, 'stack', encoded.stack);
    if (encoded.cause) define(error, 'cause', this.#decode(encoded.cause));
    if (encoded.errors) {
      const gathered = encoded.errors.map((each) => this.#decode(each));
      define(error, 'errors', gathered);
    }
    for (const [name, value] of Object.entries(encoded.own)) Object.defineProperty(error, name, visible(value));
    for (const [name, value] of Object.entries(encoded.special ?? {})) {
      Object.defineProperty(error, name, visible(decodeValue(value)));
    }
    const name = encoded.name ?? (error.name === 'Error' ? encoded.type : error.name);
    if (error.name !== name) define(error, 'name', name);
    return error;
  }

  /**
   * Creates an error without calling its constructor, whose arguments are unknown. `DOMException` is the exception,
   * because its parts are hidden.
   */
  #bare(encoded: EncodedError): Error {
    const { type, name, message } = encoded;
    const errorClass = this.#classOf(encoded);
    if (errorClass === Error && type === 'DOMException') return new DOMException(message, name);
    const error = Object.create(errorClass.prototype) as Error;
    define(error, 'message', message);
    return error;
  }

  #classOf({ type, own, library }: EncodedError): ErrorClass {
    const users = library?.isExact ? undefined : (this.#classes.get(type) ?? this.#classes.get(String(own.name)));
    const librarys = library === undefined ? type : library?.name;
    return users ?? LIBRARY.get(librarys ?? '') ?? BUILT_IN.get(type) ?? Error;
  }
}

/**
 * The longest plain value that is sent as it is, and the most of an error's own properties together, in characters of
 * JSON.
 */
const VALUE_LENGTH_MAX = 64 * 1024;

/**
 * A class of errors whose instances keep their class when they are sent to another node. Give such classes to the
 * module's `errors`.
 */
// biome-ignore lint/complexity/noBannedTypes: constructors of any arguments, and abstract ones, have nothing else in common.
export type ErrorClass = Function & { readonly prototype: Error };

interface LibraryClass {
  readonly name: string;
  readonly isExact: boolean;
}

/** A value that is not an error. `value` is its text, which is all that older nodes know; `is` says how to read it. */
interface EncodedValue {
  readonly value: string;
  readonly is?: 'json' | 'bigint' | 'undefined';
}

interface EncodedError {
  readonly type: string;
  /** Its `name`. Older nodes omit it, and everything below. */
  readonly name?: string;
  /**
   * The library's class that it is an instance of, and whether exactly of that class; `null` if none. Users' classes
   * with the same names do not count. Older nodes omit it.
   */
  readonly library?: LibraryClass | null;
  readonly message: string;
  readonly stack: string | undefined;
  readonly own: Record<string, unknown>;
  /** Own properties that JSON cannot represent. */
  readonly special?: Record<string, EncodedValue>;
  readonly cause?: EncodedError | EncodedValue;
  /** The errors that an `AggregateError` contains. */
  readonly errors?: readonly (EncodedError | EncodedValue)[];
}

const BUILT_IN = byName([
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
  AggregateError,
]);

const LIBRARY = byName(ERROR_CLASSES);

function byName(classes: readonly ErrorClass[]): ReadonlyMap<string, ErrorClass> {
  return new Map(classes.map((each) => [each.name, each]));
}

/** A user's class may have the same name as one of ours, so the class itself is compared. */
function libraryClassOf(error: Error): LibraryClass | null {
  try {
    for (let of: unknown = error.constructor; typeof of === 'function'; of = Object.getPrototypeOf(of)) {
      if (LIBRARY.get(of.name) === of) return { name: of.name, isExact: of === error.constructor };
    }
  } catch {
    // A Proxy or a getter threw. None of our classes does that.
  }
  return null;
}

function encodeAny(thrown: unknown, depth: number, budget: { left: number }): EncodedError | EncodedValue {
  budget.left -= 1;
  return isError(thrown) ? encodeError(thrown, depth, budget) : encodeValue(thrown);
}

function encodeError(error: Error, depth: number, budget: { left: number }): EncodedError {
  const name = propertyOf(error, 'name');
  const stack = propertyOf(error, 'stack');
  const cause = propertyOf(error, 'cause');
  const goesOn = depth > 1;
  const encoded = {
    type: classNameOf(error) ?? 'Error',
    ...(typeof name === 'string' && name !== 'Error' && { name }),
    library: libraryClassOf(error),
    message: propertyOf(error, 'message') === '' ? '' : messageOf(error),
    stack: typeof stack === 'string' ? stack.slice(0, STACK_LENGTH_MAX) : undefined,
    ...ownOf(error),
    ...(goesOn && cause !== undefined && budget.left > 0 && { cause: encodeAny(cause, depth - 1, budget) }),
  };
  const errors: (EncodedError | EncodedValue)[] = [];
  for (const each of goesOn ? gatheredBy(error, budget.left) : []) {
    if (budget.left > 0) errors.push(encodeAny(each, depth - 1, budget));
  }
  return errors.length > 0 || encoded.type === 'AggregateError' ? { ...encoded, errors } : encoded;
}

/** Its own properties, as far as they are plain and there is room, including its class's `code`. */
function ownOf(error: Error): Pick<EncodedError, 'own' | 'special'> {
  const own: Record<string, unknown> = {};
  const special: Record<string, EncodedValue> = {};
  let room = VALUE_LENGTH_MAX;
  for (const key of keysOf(error)) {
    if (key === 'cause' || key === 'errors' || key === 'message' || key === 'stack') continue;
    const encoded = encodeValue(propertyOf(error, key), room);
    if (encoded.is === undefined && typeof propertyOf(error, key) !== 'string') continue;
    room -= encoded.value.length;
    if (room < 0) break;
    if (encoded.is === 'bigint') special[key] = encoded;
    else if (encoded.is === 'json') own[key] = JSON.parse(encoded.value);
    else if (encoded.is === undefined) own[key] = encoded.value;
  }
  return Object.keys(special).length > 0 ? { own, special } : { own };
}

function keysOf(error: Error): string[] {
  try {
    return Object.keys(error);
  } catch {
    return [];
  }
}

function encodeValue(value: unknown, lengthMax = VALUE_LENGTH_MAX): EncodedValue {
  if (typeof value === 'string') return { value: value.slice(0, lengthMax) };
  if (value === undefined) return { value: 'undefined', is: 'undefined' };
  if (typeof value === 'bigint') return { value: String(value), is: 'bigint' };
  const json = jsonOf(value);
  return json !== undefined && json.length <= lengthMax ? { value: json, is: 'json' } : { value: messageOf(value) };
}

function decodeValue({ value, is }: EncodedValue): unknown {
  if (is === 'json') return JSON.parse(value);
  if (is === 'bigint') return BigInt(value);
  return is === 'undefined' ? undefined : value;
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

function define(error: Error, name: string, value: unknown): void {
  Object.defineProperty(error, name, { value, configurable: true, writable: true, enumerable: false });
}

function visible(value: unknown): PropertyDescriptor {
  return { value, configurable: true, writable: true, enumerable: true };
}
