import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { isView, StateTree } from '../../../lib/kernel/state/state-tree.js';
import { PayloadError, StateReadOnlyError } from '../../../lib/kernel/values/errors.js';
import { HOSTILE_KEYS } from './state-programs.js';

interface Item {
  id: number;
  tags?: string[];
}
interface Shop {
  name: string;
  open?: boolean;
  items: Item[];
  counts: Record<string, number>;
}

function shop(): StateTree<Shop> {
  return new StateTree<Shop>({ name: 'x', items: [{ id: 1, tags: ['a'] }, { id: 2 }, { id: 3 }], counts: {} });
}

function changing<S extends object>(tree: StateTree<S>, change: (state: S) => void): S {
  tree.change(() => change(tree.view), true);
  return tree.frozen();
}

describe('a view', () => {
  it('looks like the plain data that it shows', () => {
    const tree = shop();
    const { view } = tree;
    const plain = JSON.parse(JSON.stringify(tree.frozen())) as Shop;
    expect(view).toEqual(plain);
    assert.deepStrictEqual(view, plain);
    expect(Array.isArray(view.items)).toBe(true);
    expect(Object.keys(view)).toEqual(['name', 'items', 'counts']);
    expect(Object.entries(view.items[0] as Item)).toEqual([
      ['id', 1],
      ['tags', ['a']],
    ]);
    expect({ ...view }).toEqual(plain);
    expect([...view.items]).toEqual(plain.items);
    expect('name' in view && !('open' in view) && 1 in view.items && !(3 in view.items)).toBe(true);
    const { name, ...rest } = view;
    expect([name, Object.keys(rest)]).toEqual(['x', ['items', 'counts']]);
    const keys: string[] = [];
    for (const key in view) keys.push(key);
    expect(keys).toEqual(['name', 'items', 'counts']);
    const property = { value: 'x', writable: true, enumerable: true, configurable: true };
    expect(Object.getOwnPropertyDescriptor(view, 'name')).toEqual(property);
    expect(Object.getOwnPropertyDescriptor(view, 'open')).toBeUndefined();
    expect(Object.getOwnPropertyDescriptor(view.items, 'length')).toMatchObject({ value: 3, enumerable: false });
    expect(Object.getOwnPropertySymbols(view)).toEqual([]);
    expect(Object.getPrototypeOf(view)).toBe(Object.prototype);
    expect(`${view} ${String(view.items[1]?.id)}`).toBe('[object Object] 2');
    expect(inspect(view)).toBe(inspect(plain));
    expect([isView(view), isView(view.items), isView(plain), isView(Object.create(view))]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('is the same for the same part, and shows what is true now', () => {
    const tree = shop();
    const { view } = tree;
    const { items } = view;
    const second = items.find(({ id }) => id === 2) as Item;
    expect(items.indexOf(second)).toBe(1);
    expect(items.includes(second)).toBe(true);
    expect(view.items).toBe(items);
    changing(tree, (state) => state.items.unshift({ id: 0 }));
    expect(items).toHaveLength(4);
    expect(items.indexOf(second)).toBe(2);
    expect(items[2]).toBe(second);
    expect(tree.view).toBe(view);
    changing(tree, () => tree.replace({ name: 'y', items: [], counts: {} }));
    expect(tree.view).not.toBe(view);
  });

  it('can be written to only in a change', () => {
    const tree = shop();
    const { view } = tree;
    const first = view.items[0] as Item;
    const attempts: [path: string, attempt: () => unknown][] = [
      ['$.name', () => void (view.name = 'y')],
      ['$.name', () => void Reflect.deleteProperty(view, 'name')],
      ['$.items[0].tags[0]', () => void ((first.tags as string[])[0] = 'b')],
      ['$.items[0]["odd key"]', () => Object.assign(first, { 'odd key': 1 })],
      ['$.items[5]', () => void (view.items[5] = { id: 5 })],
      ['$.items.push()', () => view.items.push({ id: 4 })],
      ['$.items.sort()', () => view.items.sort()],
      ['$.items.length', () => void (view.items.length = 0)],
      ['$.counts.x', () => Object.defineProperty(view.counts, 'x', { value: 1 })],
      ['$', () => tree.replace({ name: 'y', items: [], counts: {} })],
    ];
    for (const [path, attempt] of attempts) {
      expect(attempt).toThrow(StateReadOnlyError);
      expect(attempt).toThrow(`'${path}'`);
    }
    for (const attempt of [
      () => Object.freeze(view),
      () => Object.setPrototypeOf(view, null),
      () => Object.seal(view.items),
    ]) {
      expect(attempt).toThrow(TypeError);
    }
    expect(tree.frozen()).toEqual(shop().frozen());
  });

  it('takes only what plain assignment could do', () => {
    const property = { value: 1, writable: true, enumerable: true, configurable: true };
    const frozen = changing(shop(), ({ counts }) => {
      Object.defineProperty(counts, 'a', property);
      Object.defineProperty(counts, 'a', { value: 2 });
      for (const odd of [{ enumerable: false }, { writable: false }, { configurable: false }]) {
        expect(() => Object.defineProperty(counts, 'b', { ...property, ...odd })).toThrow(TypeError);
      }
      expect(() => Object.defineProperty(counts, 'b', { get: () => 1 })).toThrow(TypeError);
      expect(() => Object.freeze(counts)).toThrow(TypeError);
      expect(() => Reflect.set(counts, Symbol('x'), 1)).toThrow(PayloadError);
    });
    expect(frozen.counts).toEqual({ a: 2 });
  });

  it('keeps its arrays without holes and without names', () => {
    const frozen = changing(shop(), ({ items }) => {
      expect(() => void (items[4] = { id: 4 })).toThrow('$.items[4]');
      expect(() => void (items.length = 4)).toThrow(PayloadError);
      expect(() => Reflect.deleteProperty(items, 0)).toThrow(PayloadError);
      expect(() => Object.assign(items, { total: 3 })).toThrow(PayloadError);
      expect(() => items.sort(() => Number(items.push({ id: 9 })))).toThrow('while it was being sorted');
      items.length = 3;
    });
    expect(frozen.items).toHaveLength(3);
  });

  it.each(HOSTILE_KEYS)('takes %j for a key like any other', (key) => {
    const prototypes = [Object.prototype, Array.prototype, Object, Function.prototype].map((value) =>
      Reflect.ownKeys(value),
    );
    const tree = new StateTree<{ by: Record<string, { n: number }>; counts: Record<string, number> }>({
      by: {},
      counts: {},
    });
    const mark = tree.mark();
    expect([tree.view.by[key], key in tree.view.by, Object.hasOwn(tree.view.by, key)]).toEqual([
      undefined,
      false,
      false,
    ]);
    const frozen = changing(tree, ({ by, counts }) => {
      counts[key] = (counts[key] ?? 0) + 1;
      counts[key] = (counts[key] ?? 0) + 1;
      by[key] ??= { n: 0 };
      const entry = by[key];
      if (entry) entry.n += 5;
    });
    const expected = `{"by":{${JSON.stringify(key)}:{"n":5}},"counts":{${JSON.stringify(key)}:2}}`;
    expect([JSON.stringify(frozen), JSON.stringify(tree.view)]).toEqual([expected, expected]);
    expect(JSON.stringify(new StateTree(JSON.parse(expected)).frozen())).toBe(expected);
    changing(tree, ({ by }) => void delete by[key]);
    expect([Object.keys(tree.view.by), tree.view.by[key]]).toEqual([[], undefined]);
    tree.undoTo(mark);
    expect(JSON.stringify(tree.frozen())).toBe('{"by":{},"counts":{}}');
    expect(
      [Object.prototype, Array.prototype, Object, Function.prototype].map((value) => Reflect.ownKeys(value)),
    ).toEqual(prototypes);
  });

  it('runs the methods of arrays as arrays do, with the views of its items', () => {
    const { view } = shop();
    const { items } = view;
    const plain = JSON.parse(JSON.stringify(items)) as Item[];
    const ids = (list: Item[]) => list.map(({ id }) => id);
    const uses: ((list: Item[]) => unknown)[] = [
      (list) => [list.findIndex(({ id }) => id > 1), list.findLastIndex(({ id }) => id > 1), list.at(-1)?.id],
      (list) => [list.some(({ id }) => id === 3), list.every(({ id }) => id < 3), list.includes({ id: 1 })],
      (list) => [
        ids(list.filter(({ id }) => id !== 2)),
        ids(list.slice(-2)),
        ids(list.toReversed()),
        ids(list.toSpliced(0, 2)),
      ],
      (list) => [
        list.reduce((sum, { id }) => sum + id, 0),
        list.reduceRight((last, item) => (last.id > item.id ? item : last)).id,
      ],
      (list) => [
        list.flatMap(({ tags }) => tags ?? []),
        list.concat([{ id: 4 }]).length,
        ids([...list.values()]),
        [...list.keys()],
      ],
      (list) => [
        list.findLast(({ tags }) => tags)?.tags?.join(),
        ids(Array.from(list)),
        ids([...list.entries()].map(([, item]) => item)),
      ],
      (list) => list.map((item, index, all) => [item.id, index, all === list]),
      (list) => [
        list[0]?.tags?.lastIndexOf('a'),
        list[0]?.tags?.indexOf('a', 1),
        list[0]?.tags?.includes('a', -1),
        list.lastIndexOf(list[2] as Item),
      ],
      (list) => list.toSorted((a, b) => b.id - a.id).map(({ id }) => id),
      (list) => String(list.map(({ id }) => id)),
    ];
    for (const use of uses) expect(use(items)).toEqual(use(plain));
    expect(items.map((item) => item).every(isView)).toBe(true);
    expect(items.reduceRight((last) => last)).toBe(items[2]);
    for (const item of items.filter(() => true)) expect(items.includes(item)).toBe(true);
    const self: unknown[] = [];
    items.forEach(function (this: unknown) {
      self.push(this);
    }, 'me');
    expect(self).toEqual(['me', 'me', 'me']);
  });
});
