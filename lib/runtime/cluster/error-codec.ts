import * as errors from '../../kernel/errors.js';

/** How deep causes are followed. */
const CAUSES_MAX = 5;

/** A class of errors whose instances keep their class on the way from one node to another. */
// biome-ignore lint/complexity/noBannedTypes: constructors of any arguments, and abstract ones, have nothing else in common.
export type ErrorClass = Function & { readonly prototype: Error };

interface LibraryClass {
  readonly name: string;
  readonly isExact: boolean;
}

interface EncodedError {
  readonly type: string;
  /** The library's class that it is an instance of, and whether of that very one; `null` if it is of none. Other classes of the same names are not meant. Older nodes do not say. */
  readonly library?: LibraryClass | null;
  readonly message: string;
  readonly stack: string | undefined;
  readonly own: Record<string, unknown>;
  readonly cause?: EncodedError | { readonly value: string };
}

/** Errors as they travel between nodes: class, message, `code` and other plain properties, stack and causes arrive as they were. */
export class ErrorCodec {
  /** Those that users made known, by name. */
  readonly #classes = new Map<string, ErrorClass>();

  constructor(classes: readonly ErrorClass[] = []) {
    for (const each of classes) this.add(each);
  }

  /** Makes a class known by its name; the last one of a name counts. */
  add(errorClass: ErrorClass): void {
    this.#classes.set(errorClass.name, errorClass);
  }

  encode(error: unknown): string {
    return JSON.stringify(error instanceof Error ? encodeError(error, CAUSES_MAX) : { value: textOf(error) });
  }

  decode(text: string): unknown {
    return this.#decode(JSON.parse(text) as EncodedError | { value: string });
  }

  #decode(encoded: EncodedError | { readonly value: string }): unknown {
    if ('value' in encoded) return encoded.value;
    // Not made by its constructor, whose arguments nobody knows.
    const error = Object.create(this.#classOf(encoded).prototype) as Error;
    define(error, 'message', encoded.message);
    define(error, 'stack', encoded.stack);
    if (encoded.cause) define(error, 'cause', this.#decode(encoded.cause));
    for (const [name, value] of Object.entries(encoded.own)) Object.defineProperty(error, name, visible(value));
    if (error.name === 'Error' && encoded.type !== 'Error') define(error, 'name', encoded.type);
    return error;
  }

  #classOf({ type, own, library }: EncodedError): ErrorClass {
    const users = library?.isExact ? undefined : (this.#classes.get(type) ?? this.#classes.get(String(own.name)));
    const librarys = library === undefined ? type : library?.name;
    return users ?? LIBRARY.get(librarys ?? '') ?? BUILT_IN.get(type) ?? Error;
  }
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

const LIBRARY = byName(
  Object.values(errors).filter(
    (each): each is typeof errors.OmniscientError => typeof each === 'function' && each.prototype instanceof Error,
  ),
);

function byName(classes: readonly ErrorClass[]): ReadonlyMap<string, ErrorClass> {
  return new Map(classes.map((each) => [each.name, each]));
}

/** A user's class may have the name of one of ours: only the class itself tells. */
function libraryClassOf(error: Error): LibraryClass | null {
  for (let of: unknown = error.constructor; typeof of === 'function'; of = Object.getPrototypeOf(of)) {
    if (LIBRARY.get(of.name) === of) return { name: of.name, isExact: of === error.constructor };
  }
  return null;
}

function encodeError(error: Error, causesMax: number): EncodedError {
  const own: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(error)) {
    if (name !== 'cause' && isJson(value)) own[name] = value;
  }
  const { message, stack, cause } = error;
  const encoded = { type: error.constructor.name, library: libraryClassOf(error), message, stack, own };
  if (cause === undefined || causesMax === 0) return encoded;
  return { ...encoded, cause: cause instanceof Error ? encodeError(cause, causesMax - 1) : { value: textOf(cause) } };
}

function define(error: Error, name: string, value: unknown): void {
  Object.defineProperty(error, name, { value, configurable: true, writable: true, enumerable: false });
}

function visible(value: unknown): PropertyDescriptor {
  return { value, configurable: true, writable: true, enumerable: true };
}

function isJson(value: unknown): boolean {
  try {
    return JSON.stringify(value) !== undefined;
  } catch {
    return false;
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
}
