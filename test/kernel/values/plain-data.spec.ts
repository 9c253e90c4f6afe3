import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { StateTree } from '../../../lib/kernel/state/state-tree.js';
import { PayloadError } from '../../../lib/kernel/values/errors.js';
import { assertJson, PLAIN_DATA_DEPTH_MAX } from '../../../lib/kernel/values/plain-data.js';
import { seedFor } from '../../support/seed.js';

const SEED = seedFor('plain-data');

class Money {
  constructor(readonly cents = 1) {}
}

/** Below `$.items[3].at`, and therefore refused with that path. */
const REFUSED: [name: string, value: unknown, why: string][] = [
  ['a function', () => 1, 'is a function'],
  ['a symbol', Symbol('x'), 'is a symbol'],
  ['a bigint', 1n, 'is a bigint: use a string'],
  ['NaN', Number.NaN, 'is NaN'],
  ['Infinity', Number.POSITIVE_INFINITY, 'is Infinity'],
  ['minus Infinity', Number.NEGATIVE_INFINITY, 'is -Infinity'],
  ['a Date', new Date(0), 'is an instance of Date: use its toISOString()'],
  ['an invalid Date', new Date(Number.NaN), 'is an instance of Date'],
  ['a Map', new Map(), 'is an instance of Map: use an object'],
  ['a Set', new Set(), 'is an instance of Set: use an array'],
  ['a RegExp', /x/, 'is an instance of RegExp'],
  ['an Error', new Error('x'), 'is an instance of Error'],
  ['a promise', Promise.resolve(), 'is an instance of Promise: await it first'],
  ['a buffer', Buffer.from('x'), "is an instance of Buffer: use its toString('base64')"],
  ['a typed array', new Uint8Array(1), 'is an instance of Uint8Array'],
  ['a boxed number', Object(1), 'is an instance of Number'],
  ['a class instance', new Money(), 'is an instance of Money: use a plain object'],
  ['an instance of a subclass of Array', new (class Items extends Array {})(), 'is an instance of Items'],
  ['an instance of a class without a name', new (class {})(), 'is an instance of some class'],
  ['an object that inherits from another', Object.create({ a: 1 }), 'is an instance of some class'],
  ['an object that inherits from a bare one', Object.create(Object.create(null)), 'is an instance of some class'],
  ['a toJSON method', { toJSON: () => 1 }, 'has a toJSON method'],
  ['a getter', Object.defineProperty({}, 'x', { enumerable: true, get: () => 1 }), 'is a getter or setter'],
  ['a setter', Object.defineProperty({}, 'x', { enumerable: true, set: () => {} }), 'is a getter or setter'],
  ['a symbol key', { [Symbol('x')]: 1 }, 'has a key that is a symbol'],
  ['a symbol key of an array', Object.assign([], { [Symbol('x')]: 1 }), 'has a key that is a symbol'],
  ['undefined in an array', [undefined], 'is undefined: use null'],
  ['a hole in an array', new Array(1), 'is undefined: use null'],
  ['what else an array has', 'match'.match(/a/), 'has other properties than its items'],
];

function holding(value: unknown): unknown {
  return { items: [0, 1, 2, { at: value }] };
}

function errorOf(attempt: () => unknown): PayloadError {
  try {
    attempt();
  } catch (error) {
    if (error instanceof PayloadError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('assertJson', () => {
  it('gives the text that JSON makes of plain data, and JSON gives the data back', () => {
    fc.assert(
      fc.property(fc.jsonValue({ depthSize: 'medium' }), (value) => {
        const text = assertJson(value, 'it');
        expect(text).toBe(JSON.stringify(value));
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it.each(REFUSED)('refuses %s and names its place', (_name, value, why) => {
    const error = errorOf(() => assertJson(holding(value), "the payload of 'paid'"));
    expect(error.message).toContain("the payload of 'paid' is not plain data: $.items[3].at");
    expect(error.message).toContain(why);
    expect(error).toMatchObject({ code: 'PAYLOAD_NOT_JSON', path: expect.stringMatching(/^\$\.items\[3\]\.at/) });
    expect(error.message).toContain(error.path);
  });

  it.each(REFUSED)('refuses %s at the top', (_name, value) => {
    expect(errorOf(() => assertJson(value, 'it')).path).toMatch(/^\$/);
  });

  it('refuses undefined at the top, and leaves out properties that are undefined', () => {
    expect(errorOf(() => assertJson(undefined, 'it')).path).toBe('$');
    expect(assertJson({ a: 1, b: undefined, c: { d: undefined } }, 'it')).toBe('{"a":1,"c":{}}');
  });

  it('takes what other realms and Object.create(null) make', () => {
    expect(assertJson(runInNewContext('({ list: [1, { a: 2 }] })'), 'it')).toBe('{"list":[1,{"a":2}]}');
    expect(assertJson(Object.assign(Object.create(null), { a: 1 }), 'it')).toBe('{"a":1}');
    expect(errorOf(() => assertJson(runInNewContext('({ at: new Date() })'), 'it')).path).toBe('$.at');
    expect(errorOf(() => assertJson(runInNewContext('[new (class X extends Array {})()]'), 'it')).path).toBe('$[0]');
  });

  it('takes keys that mean something elsewhere as what they are: data', () => {
    const text = '{"__proto__":{"polluted":true},"constructor":1,"toJSON":"x","then":null}';
    expect(assertJson(JSON.parse(text), 'it')).toBe(text);
    expect(errorOf(() => assertJson(JSON.parse('{"__proto__":{"a b":[null]}}', undo), 'it')).path).toBe(
      '$.__proto__["a b"][0]',
    );
    function undo(this: unknown, key: string, value: unknown): unknown {
      return key === '0' ? Number.NaN : value;
    }
  });

  it('says where a value contains itself', () => {
    const list: unknown[] = [];
    const value = { a: { list } };
    list.push(1, value.a);
    const error = errorOf(() => assertJson(value, 'it'));
    expect(error.path).toBe('$.a.list[1]');
    expect(error.message).toContain('contains itself');
  });

  it('takes the same object in two places', () => {
    const twice = { a: 1 };
    expect(assertJson([twice, twice], 'it')).toBe('[{"a":1},{"a":1}]');
  });

  it.each([
    ['objects', (inner: unknown) => ({ in: inner })],
    ['arrays', (inner: unknown) => [inner]],
  ])('takes %s nested as deep as is allowed, and not one level more', (_name, wrap) => {
    let value: unknown = wrap(1);
    for (let depth = 1; depth < PLAIN_DATA_DEPTH_MAX; depth++) value = wrap(value);
    expect(JSON.parse(assertJson(value, 'it'))).toEqual(value);
    const error = errorOf(() => assertJson(wrap(value), 'it'));
    expect(error.message).toContain(`nested deeper than ${PLAIN_DATA_DEPTH_MAX} levels`);
    expect(error.message.length).toBeLessThan(300);
  });

  it('never runs out of stack', () => {
    let value: unknown = [];
    for (let depth = 0; depth < 200_000; depth++) value = [value];
    expect(errorOf(() => assertJson(value, 'it')).message).toContain('nested deeper');
  });
});

describe('state', () => {
  it.each(REFUSED)('refuses %s, and stays what it was', (_name, value) => {
    const tree = new StateTree<{ a: unknown[]; b?: unknown }>({ a: [{}] });
    const before = tree.frozen();
    const attempt = () => tree.change(() => tree.view.a.push(1, holding(value)), true);
    expect(errorOf(attempt).path).toMatch(/^\$\.a\[2\]\.items\[3\]\.at/);
    expect(tree.frozen()).toEqual(before);
    expect(errorOf(() => tree.change(() => tree.replace(holding(value) as never), true)).path).toMatch(
      /^\$\.items\[3\]\.at/,
    );
    expect(errorOf(() => new StateTree(holding(value))).path).toMatch(/^\$\.items\[3\]\.at/);
    expect(tree.frozen()).toEqual(before);
  });

  it.each([1, 'x', null, undefined])('is not %p', (value) => {
    expect(() => new StateTree(value)).toThrow(PayloadError);
  });

  it('leaves the original alone if it refuses it', () => {
    const tree = new StateTree<{ a?: unknown }>({});
    const original = { good: {}, bad: new Date() };
    expect(() => tree.change(() => void (tree.view.a = original), false)).toThrow(PayloadError);
    expect(Object.isFrozen(original.good)).toBe(false);
  });

  it('has no -0, as JSON has none', () => {
    const tree = new StateTree<{ a: number[] }>({ a: [-0] });
    tree.change(() => {
      tree.view.a.push(-0, ...[{ b: -0 }].map(({ b }) => b));
      tree.view.a[3] = -0;
    }, true);
    expect(tree.frozen().a.map((n) => Object.is(n, 0))).toEqual([true, true, true, true]);
  });

  it('is never nested deeper than is allowed, however it is put together', () => {
    interface Link {
      next?: Link | null;
    }
    const tree = new StateTree<{ head: Link | null; spare?: Link }>({ head: null });
    const grow = () => tree.change(() => void (tree.view.head = { next: tree.view.head }), false);
    for (let depth = 1; depth < PLAIN_DATA_DEPTH_MAX; depth++) grow();
    const before = tree.frozen();
    expect(errorOf(grow).path).toBe('$.head.next');
    const wrapTaken = () =>
      tree.change(() => {
        const taken = tree.view.head as Link;
        tree.view.head = null;
        tree.view.head = { next: taken };
      }, true);
    expect(errorOf(wrapTaken).message).toContain('nested deeper');
    expect(JSON.stringify(tree.frozen())).toBe(JSON.stringify(before));
  });
});
