import * as errors from '../../kernel/errors.js';

/** How deep causes are followed. */
const CAUSES_MAX = 5;

/** A class of errors whose instances keep their class on the way from one node to another. */
// biome-ignore lint/complexity/noBannedTypes: constructors of any arguments, and abstract ones, have nothing else in common.
export type ErrorClass = Function & { readonly prototype: Error };

interface EncodedError {
  readonly type: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly own: Record<string, unknown>;
  readonly cause?: EncodedError | { readonly value: string };
}

/** Errors as they travel between nodes: class, message, `code` and other plain properties, stack and causes arrive as they were. */
export class ErrorCodec {
  readonly #classes = new Map<string, ErrorClass>();

  constructor(classes: readonly ErrorClass[] = []) {
    const builtIn = [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError, AggregateError];
    for (const each of [...builtIn, ...ownClasses(), ...classes]) this.add(each);
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
    const errorClass = this.#classes.get(encoded.type) ?? this.#classes.get(String(encoded.own.name)) ?? Error;
    // Not made by its constructor, whose arguments nobody knows.
    const error = Object.create(errorClass.prototype) as Error;
    define(error, 'message', encoded.message);
    define(error, 'stack', encoded.stack);
    if (encoded.cause) define(error, 'cause', this.#decode(encoded.cause));
    for (const [name, value] of Object.entries(encoded.own)) Object.defineProperty(error, name, visible(value));
    if (error.name === 'Error' && encoded.type !== 'Error') define(error, 'name', encoded.type);
    return error;
  }
}

function encodeError(error: Error, causesMax: number): EncodedError {
  const own: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(error)) {
    if (name !== 'cause' && isJson(value)) own[name] = value;
  }
  const { message, stack, cause } = error;
  const encoded = { type: error.constructor.name, message, stack, own };
  if (cause === undefined || causesMax === 0) return encoded;
  return { ...encoded, cause: cause instanceof Error ? encodeError(cause, causesMax - 1) : { value: textOf(cause) } };
}

function ownClasses(): ErrorClass[] {
  return Object.values(errors).filter(
    (each): each is typeof errors.OmniscientError => typeof each === 'function' && each.prototype instanceof Error,
  );
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
