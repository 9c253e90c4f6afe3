import { PayloadError } from './errors.js';

/**
 * Checks that a value survives JSON unchanged, and serialises it. As in JSON, properties that are `undefined` are left
 * out.
 *
 * @param what names the value in errors, as in "the payload of 'signed_up'".
 * @returns its JSON text.
 * @throws PayloadError with the path of what JSON cannot represent, as in `$.items[3].at`.
 */
export function assertJson(value: unknown, what: string): string {
  const refusal = findRefusal(value);
  if (refusal) throw refusalError(refusal, value, what, '$');
  return JSON.stringify(value);
}

/**
 * How deeply state and payloads may be nested. This is far beyond real data, and far below what the call stack allows.
 */
export const PLAIN_DATA_DEPTH_MAX = 500;

/** Why a value is not plain data, and the keys that lead to the problem. */
export interface Refusal {
  readonly keys: (string | number)[];
  readonly why: string;
}

/** Says whether an object that is known to be plain data fits below `depth` levels; `undefined` if that is unknown. */
export type Fits = (value: object, depth: number, depthMax: number) => boolean | undefined;

/**
 * Finds the first part of a value that is not plain data.
 *
 * @param depth how many levels are above the value.
 */
export function findRefusal(value: unknown, depth = 0, fits?: Fits): Refusal | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : refuse(`is ${value}`);
    case 'object': {
      if (value === null) return undefined;
      const known = fits?.(value, depth, PLAIN_DATA_DEPTH_MAX);
      if (known) return undefined;
      if (known === false || depth >= PLAIN_DATA_DEPTH_MAX) return refuse(TOO_DEEP);
      return Array.isArray(value) ? refusalInArray(value, depth, fits) : refusalInObject(value, depth, fits);
    }
    case 'undefined':
      return refuse('is undefined: use null');
    case 'bigint':
      return refuse('is a bigint: use a string');
    default:
      return refuse(`is a ${typeof value}`);
  }
}

/** The error to throw for a refusal. `root` is the value that was searched, `path` where it is. */
export function refusalError(refusal: Refusal, root: unknown, what: string, path: string): PayloadError {
  const { keys, why } = refusal.why === TOO_DEEP ? (findCycle(root, refusal.keys) ?? refusal) : refusal;
  const shown = keys.slice(0, PATH_KEYS_MAX).map(formatKey).join('');
  const full = path + shown + (keys.length > PATH_KEYS_MAX ? '…' : '');
  return new PayloadError(`${what} is not plain data: ${full} ${why}`, full);
}

/** A key as written in a path: `.name`, `[3]`, `["odd name"]`. A method call is written `.push()`. */
export function formatKey(key: string | number): string {
  if (typeof key === 'number') return `[${key}]`;
  return /^[A-Za-z_$][\w$]*(\(\))?$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

/** Writes a property, even one called `__proto__`, which a plain assignment would take for the prototype. */
export function putProperty(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    target[key] = value;
  }
}

export function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Whether an object was made by `{}` or `Object.create(null)`, in any realm. */
export function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

/** How many keys of a path an error shows. */
const PATH_KEYS_MAX = 20;

const SYMBOL_KEY = 'has a key that is a symbol';
const TOO_DEEP = `is nested deeper than ${PLAIN_DATA_DEPTH_MAX} levels`;

function refuse(why: string): Refusal {
  return { keys: [], why };
}

function refusalInObject(value: object, depth: number, fits?: Fits): Refusal | undefined {
  if (!isPlainObject(value)) return refuse(describeForeign(value));
  for (const key in value) {
    const property = Object.getOwnPropertyDescriptor(value, key);
    // It is inherited: somebody extended Object.prototype. JSON leaves that out too.
    if (property === undefined) continue;
    if (property.get || property.set) return at(key, refuse('is a getter or setter'));
    const inner = property.value;
    if (inner === undefined || typeof inner === 'string') continue;
    if (key === 'toJSON' && typeof inner === 'function') return refuse('has a toJSON method');
    const refusal = findRefusal(inner, depth + 1, fits);
    if (refusal) return at(key, refusal);
  }
  if (Object.getOwnPropertySymbols(value).length > 0) return refuse(SYMBOL_KEY);
  return undefined;
}

function refusalInArray(value: readonly unknown[], depth: number, fits?: Fits): Refusal | undefined {
  if (!isPlainArray(value)) return refuse(describeForeign(value));
  for (let index = 0; index < value.length; index++) {
    const inner = value[index];
    if (typeof inner === 'string') continue;
    const refusal = findRefusal(inner, depth + 1, fits);
    if (refusal) return at(index, refusal);
  }
  // Arrays that String.match returns have such properties.
  if (Object.keys(value).length > value.length) return refuse('has other properties than its items');
  if (Object.getOwnPropertySymbols(value).length > 0) return refuse(SYMBOL_KEY);
  return undefined;
}

function isPlainArray(value: readonly unknown[]): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Array.prototype || (prototype !== null && isPlainObject(prototype) && Array.isArray(prototype));
}

function at(key: string | number, refusal: Refusal): Refusal {
  refusal.keys.unshift(key);
  return refusal;
}

/** What to use instead of values that are often tried. */
const INSTEAD: ReadonlyMap<string, string> = new Map([
  ['Date', 'use its toISOString()'],
  ['Map', 'use an object'],
  ['Set', 'use an array'],
  ['Buffer', "use its toString('base64')"],
  ['Promise', 'await it first'],
]);

function describeForeign(value: object): string {
  const made = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(value), 'constructor')?.value;
  const name = typeof made === 'function' && made.name !== '' ? made.name : 'some class';
  return `is an instance of ${name}: ${INSTEAD.get(name) ?? 'use a plain object'}`;
}

/** Finds where a value contains itself, along these keys. */
function findCycle(root: unknown, keys: readonly (string | number)[]): Refusal | undefined {
  const above = new Set<unknown>([root]);
  let value = root;
  for (const [depth, key] of keys.entries()) {
    value = (value as Record<string | number, unknown>)[key];
    if (above.has(value)) return { keys: keys.slice(0, depth + 1), why: 'contains itself' };
    above.add(value);
  }
  return undefined;
}
