import { isInstance, messageOf, OmniscientError } from '../../kernel/values/index.js';
import { declaredParts, type Part } from './part-metadata.js';

/**
 * What is injected into the actors under test. What the test gave comes first. Other classes are created once, with
 * `new` and with parts of their own.
 */
export class Parts {
  readonly #given: ReadonlyMap<unknown, unknown>;
  readonly #made = new Map<Class, object>();

  constructor(given: ReadonlyMap<unknown, unknown>) {
    this.#given = given;
  }

  /** @throws OmniscientError (`MISSING_PART`) that names what is missing and what to write. */
  assertComplete(actorClass: Class): void {
    const { parameters, properties } = declaredParts(actorClass);
    for (const part of [...parameters, ...properties]) this.#find(part, [actorClass]);
  }

  /** Returns a new instance with everything injected. */
  make<T extends object>(wanted: new (...args: never[]) => T): T {
    return this.#new(wanted, [wanted]) as T;
  }

  /** @param path the classes that led here. The last one is to be created. */
  #new(wanted: Class, path: readonly Class[]): object {
    const { parameters, properties } = declaredParts(wanted);
    const instance = new wanted(...(parameters.map((part) => this.#find(part, path)) as never[]));
    for (const part of properties) {
      const value = this.#find(part, path);
      if (value !== undefined) Object.assign(instance, { [part.property]: value });
    }
    return instance;
  }

  #find(part: Part, path: readonly Class[]): unknown {
    const { token, optional } = part;
    if (this.#given.has(token)) return this.#given.get(token);
    if (optional) return undefined;
    if (!isOwnClass(token)) throw missing(part, path);
    const made = this.#made.get(token) ?? this.#newOnce(token, part, path);
    this.#made.set(token, made);
    return made;
  }

  #newOnce(token: Class, part: Part, path: readonly Class[]): object {
    if (path.includes(token)) throw missing(part, path, ', which depends on itself');
    const { undescribed } = declaredParts(token);
    if (undescribed > 0) throw missing(part, path, `, whose constructor takes something that no decorator describes`);
    try {
      return this.#new(token, [...path, token]);
    } catch (error) {
      if (isInstance(error, OmniscientError) && error.code === 'MISSING_PART') throw error;
      throw missing(part, path, `, and creating one failed (${messageOf(error)})`, error);
    }
  }
}

type Class = new (...args: never[]) => object;

/** `Object` stands for interfaces, and other built-in classes for values. None of them can be created. */
function isOwnClass(token: unknown): token is Class {
  return typeof token === 'function' && token.prototype !== undefined && !BUILT_IN.has(token.name);
}

const BUILT_IN = new Set([
  'Object',
  'Function',
  'String',
  'Number',
  'Boolean',
  'Symbol',
  'BigInt',
  'Array',
  'Promise',
  'Date',
  'Map',
  'Set',
]);

function missing(part: Part, path: readonly Class[], why = '', cause?: unknown): OmniscientError {
  const who = path.map(({ name }) => name).join(' -> ');
  const { token, place } = part;
  if (token === undefined || (typeof token === 'function' && !isOwnClass(token))) {
    const message =
      `${who}: the type of ${place} is unknown at run time (an interface, a value, two files that import each other, or a ` +
      `compiler that emits no decorator metadata): mark it with @Inject('a-token') and write Given(…).With('a-token', …)`;
    return new OmniscientError('MISSING_PART', message, { cause });
  }
  const name = nameOf(token);
  const what =
    typeof token === 'string' && name !== `'${token}'`
      ? `the repository of ${token.slice(0, token.indexOf(':'))}`
      : name;
  return new OmniscientError('MISSING_PART', `${who}: ${place} is ${what}${why}: write Given(…).With(${name}, …)`, {
    cause,
  });
}

function nameOf(token: unknown): string {
  if (typeof token === 'function') return token.name;
  if (typeof token !== 'string') return String(token);
  const actor = /^ActorRepository<(.+?)>:/.exec(token)?.[1];
  return actor ? `getActorToken(${actor})` : `'${token}'`;
}
