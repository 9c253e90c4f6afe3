import { isPlainObject, PLAIN_DATA_DEPTH_MAX } from '../values/index.js';
import { nodeOf } from './state-node.js';

/**
 * Copies plain data: objects and arrays at any depth, and views of a state as they are now, frozen. Anything else is
 * not copied: class instances, functions, objects with methods, and what is nested more than 500 levels deep.
 */
export function copyOfData(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  try {
    return copyOf(value, 0, undefined);
  } catch {
    // A user's getter or proxy threw, so the value is not plain data.
    return value;
  }
}

/** Longer arrays are not checked for other properties, because that would cost more than the copy. */
const PROPERTIES_LOOKED_FOR_MAX = 100;

/** Copies arguments, so that later changes by the caller have no effect. */
export function copyOfArguments(args: readonly unknown[]): readonly unknown[] {
  // Most commands get no objects.
  return args.some(isObject) ? args.map(copyOfData) : args;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** @param copies what was copied already, for values that occur twice or contain themselves. */
function copyOf(value: object, depth: number, copies: Map<object, object> | undefined): object {
  const known = copies?.get(value);
  if (known) return known;
  const node = nodeOf(value);
  if (node) return node.frozen();
  if (depth >= PLAIN_DATA_DEPTH_MAX) return value;
  if (Array.isArray(value)) return copyOfArray(value, depth, copies);
  return isPlainObject(value) ? copyOfObject(value as Record<string, unknown>, depth, copies) : value;
}

function copyOfArray(value: unknown[], depth: number, copies: Map<object, object> | undefined): unknown[] {
  if (Object.getPrototypeOf(value) !== Array.prototype && !isForeignArray(value)) return value;
  // Arrays that String.match returns have other properties.
  if (value.length <= PROPERTIES_LOOKED_FOR_MAX && Object.keys(value).length > value.length) return value;
  const copy = Array.prototype.slice.call(value);
  copies?.set(value, copy);
  let known = copies;
  for (let index = 0; index < copy.length; index += 1) {
    const item = copy[index];
    if (typeof item !== 'object' || item === null) continue;
    known ??= new Map([[value as object, copy as object]]);
    copy[index] = copyOf(item, depth + 1, known);
  }
  return copy;
}

function copyOfObject(value: Record<string, unknown>, depth: number, copies: Map<object, object> | undefined): object {
  const copy: Record<string, unknown> = { ...value };
  if (Object.getPrototypeOf(value) === null) Object.setPrototypeOf(copy, null);
  const keys = Object.keys(copy);
  // Its methods may use the object itself.
  if (keys.some((key) => typeof copy[key] === 'function')) return value;
  copies?.set(value, copy);
  let known = copies;
  for (const key of keys) {
    const inner = copy[key];
    if (typeof inner !== 'object' || inner === null) continue;
    known ??= new Map([[value as object, copy as object]]);
    copy[key] = copyOf(inner, depth + 1, known);
  }
  return copy;
}

/** Whether the array comes from another realm. */
function isForeignArray(value: readonly unknown[]): boolean {
  const prototype = Object.getPrototypeOf(value);
  return Array.isArray(prototype) && isPlainObject(prototype);
}
