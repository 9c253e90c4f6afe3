import { types } from 'node:util';
import { isPlainObject } from '../../kernel/values/index.js';

/**
 * Matches a kind of value, anywhere in expected data. `'{date}'` is an ISO 8601 text (or a `Date`, in what a command
 * returns), `'{object}'` a plain object, `'{any}'` any value, `null` included.
 */
export type KindMatcher = keyof typeof KINDS;

const ISO_DATE = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?)?$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const KINDS = {
  '{string}': (value: unknown) => typeof value === 'string',
  '{number}': (value: unknown) => typeof value === 'number',
  '{boolean}': (value: unknown) => typeof value === 'boolean',
  '{date}': isDate,
  '{uuid}': (value: unknown) => typeof value === 'string' && UUID.test(value),
  '{object}': (value: unknown) => typeof value === 'object' && value !== null && isPlainObject(value),
  '{array}': (value: unknown): boolean => Array.isArray(value), // said out loud: inferred, the public type would hold an `any`
  '{any}': (value: unknown) => value !== undefined,
};

/** The names of all kinds, for messages. */
export const KIND_NAMES: readonly string[] = Object.keys(KINDS);

export function isKindMatcher(expected: unknown): expected is KindMatcher {
  return typeof expected === 'string' && Object.hasOwn(KINDS, expected);
}

export function isOfKind(kind: KindMatcher, value: unknown): boolean {
  return KINDS[kind](value);
}

function isDate(value: unknown): boolean {
  if (types.isDate(value)) return !Number.isNaN(value.getTime());
  return typeof value === 'string' && ISO_DATE.test(value) && !Number.isNaN(Date.parse(value));
}
