import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compare, compareGivenKeys, expectedOf, firstDifference } from '../../../lib/testing/comparing/comparison.js';
import { isOfKind, KIND_NAMES, type KindMatcher } from '../../../lib/testing/comparing/kinds.js';
import { lineDiff } from '../../../lib/testing/comparing/line-diff.js';
import { seedFor } from '../../support/seed.js';

const seed = seedFor('comparison.spec');
const json = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);

describe('Comparing', () => {
  it('finds no difference between equal data, and none between data and kinds that it is of', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(compare(value, structuredClone(value))).toEqual({ is: 'same', actual: value });
        expect(compare(kindsOf(value), value).is).toBe('same');
      }),
      { seed },
    );
  });

  it('finds a difference exactly when JSON does, and shows both sides of it', () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        const comparison = compare(a, b);
        const same = sorted(a) === sorted(b);
        expect(comparison.is === 'same').toBe(same);
        expect(firstDifference(comparison, '$') === undefined).toBe(same);
        expect(sorted(expectedOf(comparison))).toBe(sorted(same ? b : a));
        expect(/^[-+] /m.test(lineDiff(comparison))).toBe(!same);
      }),
      { seed },
    );
  });

  it('names the place of one change, wherever it is', () => {
    fc.assert(
      fc.property(fc.array(json, { minLength: 1 }), fc.nat(), (values, at) => {
        const index = at % values.length;
        const changed = values.map((value, i) => (i === index ? { was: value } : value));
        const difference = firstDifference(compare({ list: values }, { list: changed }), '$');
        expect(difference?.path.startsWith(`$.list[${index}]`)).toBe(true);
      }),
      { seed },
    );
  });

  it('finds what is missing or too much among equal neighbours', () => {
    const paths = (expected: unknown[], actual: unknown[]) => {
      const { path, comparison } = firstDifference(compare(expected, actual), '$') ?? {};
      return `${path} ${comparison?.is}`;
    };
    expect(paths([1, 2, 3], [1, 3])).toBe('$[1] missing');
    expect(paths([1, 3], [1, 2, 3])).toBe('$[1] unexpected');
    expect(paths([], [1])).toBe('$[0] unexpected');
    expect(paths([1, 2], [])).toBe('$[0] missing');
    expect(paths([1, 2, 3], [4, 5])).toBe('$[0] other');
  });

  it('takes an undefined key for an absent one, and nothing else for it', () => {
    expect(compare({ a: 1, b: undefined }, { a: 1 }).is).toBe('same');
    expect(compare({ a: 1 }, { a: 1, b: undefined }).is).toBe('same');
    expect(compare({ a: undefined }, { a: null }).is).toBe('object');
    expect(compare({ a: null }, {}).is).toBe('object');
    expect(compare({ a: '{any}' }, {}).is).toBe('object');
    expect(compareGivenKeys({ a: undefined }, { a: 1, b: 2 }).is).toBe('object');
    expect(compareGivenKeys({ a: 1, c: undefined }, { a: 1, b: 2 }).is).toBe('same');
  });

  it('treats keys like __proto__ as data', () => {
    const data = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}') as unknown;
    expect(compare(data, structuredClone(data)).is).toBe('same');
    expect(firstDifference(compare(JSON.parse('{"__proto__": {"a": 2}}'), data), '$')?.path).toBe('$.__proto__.a');
    expect(compare({}, data).is).toBe('object');
  });

  it('compares what is no plain data as node:assert does', () => {
    expect(compare(new Date(5), new Date(5)).is).toBe('same');
    expect(compare(new Map([[1, 2]]), new Map([[1, 3]])).is).toBe('other');
    expect(compare(Number.NaN, Number.NaN).is).toBe('same');
    expect(compare(1n, 1n).is).toBe('same');
    const [a, b]: Record<string, unknown>[] = [{}, {}];
    Object.assign(a!, { self: a });
    Object.assign(b!, { self: b });
    expect(compare(a, b).is).toBe('same');
    expect(lineDiff(compare(a, 1))).toContain('[Circular');
  });

  it('stays quick where arrays are nested deeply', () => {
    const nested = (depth: number, leaf: unknown): unknown => (depth === 0 ? leaf : [nested(depth - 1, leaf)]);
    expect(firstDifference(compare(nested(400, 1), nested(400, 2)), '$')?.path).toHaveLength(1 + 400 * 3);
  });
});

describe('Kinds', () => {
  const examples: Record<KindMatcher, unknown[]> = {
    '{string}': ['', 'text', '2020-01-01', 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'],
    '{number}': [0, -1.5],
    '{boolean}': [true, false],
    '{date}': ['2020-01-01', '2020-01-01T10:00Z', '2020-01-01T10:00:00.123+02:00', new Date(0)],
    '{uuid}': ['f81d4fae-7dec-11d0-a765-00a0c91e6bf6', 'F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6'],
    '{object}': [{}, { a: 1 }, Object.create(null)],
    '{array}': [[], [1]],
    '{any}': [null],
  };
  const others = [null, undefined, '2020-13-01', 'yesterday', '1', new Date(Number.NaN), new Map(), 'f81d4fae'];

  it.each(KIND_NAMES)('%s matches its kind and no other', (kind) => {
    const own =
      kind === '{any}' ? Object.values(examples).flat() : [...examples[kind as KindMatcher], ...textsAmong(kind)];
    for (const value of own) expect([value, isOfKind(kind as KindMatcher, value)]).toEqual([value, true]);
    const foreign = [...Object.values(examples).flat(), ...others].filter((value) => !own.includes(value));
    const wrongly = foreign.filter((value) => isOfKind(kind as KindMatcher, value));
    expect(wrongly).toEqual(kind === '{any}' ? others.filter((value) => value !== null && value !== undefined) : []);
  });

  /** Dates and UUIDs are strings too. */
  function textsAmong(kind: string): unknown[] {
    return kind === '{string}'
      ? [...Object.values(examples).flat(), ...others].filter((value) => typeof value === 'string')
      : [];
  }
});

/** The same data with a kind for every leaf. */
function kindsOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(kindsOf);
  if (typeof value !== 'object' || value === null) return value === null ? '{any}' : `{${typeof value}}`;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, kindsOf(inner)]));
}

function sorted(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
