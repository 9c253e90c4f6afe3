import { isDeepStrictEqual } from 'node:util';
import { formatKey, isPlainObject, PLAIN_DATA_DEPTH_MAX } from '../../kernel/values/index.js';
import type { AsymmetricMatcher } from './expected.js';
import { isKindMatcher, isOfKind } from './kinds.js';

/** The result of a comparison, as a tree: the whole value if it is the same, or the results for its parts. */
export type Comparison =
  | { readonly is: 'same'; readonly actual: unknown }
  | { readonly is: 'other'; readonly expected: unknown; readonly actual: unknown }
  | { readonly is: 'missing'; readonly expected: unknown }
  | { readonly is: 'unexpected'; readonly actual: unknown }
  | { readonly is: 'object' | 'array'; readonly parts: readonly Part[] };

export interface Part {
  readonly key: string | number;
  readonly comparison: Comparison;
}

/** A difference between what was expected and what is there, and where. */
export interface Difference {
  readonly path: string;
  readonly comparison: Exclude<Comparison, { is: 'same' } | { is: 'object' | 'array' }>;
}

type Plain = Readonly<Record<string, unknown>>;

/** Decides whether two values without parts are the same. */
type Rule = (expected: unknown, actual: unknown) => boolean;

/** Compares deeply. Matchers match; a key that is `undefined` is the same as an absent one. */
export function compare(expected: unknown, actual: unknown): Comparison {
  return compareBy(matches, expected, actual, 0);
}

/** Compares two actual values. A text in one of them is not a matcher, whatever it looks like. */
export function compareExactly(one: unknown, other: unknown): Comparison {
  return compareBy(isDeepStrictEqual, one, other, 0);
}

/** Compares only the keys that are expected, those deeply. */
export function compareGivenKeys(expected: object, actual: object): Comparison {
  return compareKeys(matches, Object.keys(expected), expected as Plain, actual as Plain, 0);
}

/** Returns the first difference, reading from the top. */
export function firstDifference(comparison: Comparison, path: string): Difference | undefined {
  switch (comparison.is) {
    case 'same':
      return undefined;
    case 'object':
    case 'array':
      for (const { key, comparison: part } of comparison.parts) {
        const found = firstDifference(part, path + formatKey(key));
        if (found) return found;
      }
      return undefined;
    default:
      return { path, comparison };
  }
}

/**
 * Returns what was expected, with the actual value wherever a matcher matched. Test runners make their own diffs of it.
 */
export function expectedOf(comparison: Comparison): unknown {
  return sideOf(comparison, 'expected');
}

/** Returns the actual value, as far as it was compared. */
export function actualOf(comparison: Comparison): unknown {
  return sideOf(comparison, 'actual');
}

export function isAsymmetricMatcher(value: unknown): value is AsymmetricMatcher {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<AsymmetricMatcher>).asymmetricMatch === 'function'
  );
}

function matches(expected: unknown, actual: unknown): boolean {
  if (isAsymmetricMatcher(expected)) return expected.asymmetricMatch(actual);
  if (expected === actual) return true;
  return isKindMatcher(expected) ? isOfKind(expected, actual) : isDeepStrictEqual(expected, actual);
}

function compareBy(rule: Rule, expected: unknown, actual: unknown, depth: number): Comparison {
  if (depth < PLAIN_DATA_DEPTH_MAX) {
    if (Array.isArray(expected) && Array.isArray(actual)) return compareArrays(rule, expected, actual, depth);
    if (isPlain(expected) && isPlain(actual)) {
      const keys = [...new Set([...Object.keys(expected), ...Object.keys(actual)])];
      return compareKeys(rule, keys, expected, actual, depth);
    }
  }
  return rule(expected, actual) ? { is: 'same', actual } : { is: 'other', expected, actual };
}

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && isPlainObject(value) && !isAsymmetricMatcher(value);
}

function compareKeys(rule: Rule, keys: readonly string[], expected: Plain, actual: Plain, depth: number): Comparison {
  const parts: Part[] = [];
  for (const key of keys) {
    const [wanted, found] = [ownValue(expected, key), ownValue(actual, key)];
    if (wanted !== undefined || found !== undefined)
      parts.push({ key, comparison: compareValues(rule, wanted, found, depth) });
  }
  return ofParts('object', parts);
}

/** Elements that are equal at both ends are the same. Those left in the middle are compared one by one. */
function compareArrays(
  rule: Rule,
  expected: readonly unknown[],
  actual: readonly unknown[],
  depth: number,
): Comparison {
  const compared = new Map<string, Comparison>();
  const at = (i: number, j: number): Comparison => {
    const known = compared.get(`${i} ${j}`) ?? compareBy(rule, expected[i], actual[j], depth + 1);
    compared.set(`${i} ${j}`, known);
    return known;
  };
  const same = (i: number, j: number) => at(i, j).is === 'same';
  const shorter = Math.min(expected.length, actual.length);
  let head = 0;
  while (head < shorter && same(head, head)) head += 1;
  let tail = 0;
  while (tail < shorter - head && same(expected.length - 1 - tail, actual.length - 1 - tail)) tail += 1;

  const parts: Part[] = actual.slice(0, head).map((value, key) => ({ key, comparison: { is: 'same', actual: value } }));
  for (let key = head; key < Math.max(expected.length, actual.length) - tail; key += 1) {
    if (key >= actual.length - tail) parts.push({ key, comparison: { is: 'missing', expected: expected[key] } });
    else if (key >= expected.length - tail) parts.push({ key, comparison: { is: 'unexpected', actual: actual[key] } });
    else parts.push({ key, comparison: at(key, key) });
  }
  for (let key = actual.length - tail; key < actual.length; key += 1)
    parts.push({ key, comparison: { is: 'same', actual: actual[key] } });
  return ofParts('array', parts);
}

function compareValues(rule: Rule, expected: unknown, actual: unknown, depth: number): Comparison {
  if (expected === undefined) return { is: 'unexpected', actual };
  if (actual === undefined && !isAsymmetricMatcher(expected)) return { is: 'missing', expected };
  return compareBy(rule, expected, actual, depth + 1);
}

function ofParts(is: 'object' | 'array', parts: readonly Part[]): Comparison {
  const whole: Comparison = { is, parts };
  return parts.every(({ comparison }) => comparison.is === 'same') ? { is: 'same', actual: actualOf(whole) } : whole;
}

function ownValue(object: Plain, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function sideOf(comparison: Comparison, side: 'expected' | 'actual'): unknown {
  switch (comparison.is) {
    case 'same':
      return comparison.actual;
    case 'other':
      return comparison[side];
    case 'missing':
      return side === 'expected' ? comparison.expected : undefined;
    case 'unexpected':
      return side === 'actual' ? comparison.actual : undefined;
    default: {
      const absent = side === 'expected' ? 'unexpected' : 'missing';
      const parts = comparison.parts.filter((part) => part.comparison.is !== absent);
      const values = parts.map((part) => [part.key, sideOf(part.comparison, side)] as const);
      return comparison.is === 'array' ? values.map(([, value]) => value) : Object.fromEntries(values);
    }
  }
}
