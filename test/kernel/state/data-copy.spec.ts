import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { copyOfArguments, copyOfData } from '../../../lib/kernel/state/data-copy.js';
import { StateTree } from '../../../lib/kernel/state/state-tree.js';

describe('copyOfData', () => {
  it('copies plain objects and arrays at whatever depth', () => {
    const data = { a: [1, { b: 'c', n: null, u: undefined }], at: { deep: { deeper: [[true]] } } };
    const copy = copyOfData(data) as typeof data;
    expect(copy).toEqual(data);
    expect(copy).not.toBe(data);
    expect(copy.a).not.toBe(data.a);
    expect(copy.a[1]).not.toBe(data.a[1]);
    expect(copy.at.deep.deeper[0]).not.toBe(data.at.deep.deeper[0]);
    expect(Object.keys(copy.a[1] as object)).toEqual(['b', 'n', 'u']);
  });

  it('gives what is frozen back as something that can be changed', () => {
    const copy = copyOfData(Object.freeze({ items: Object.freeze([1, 2]) })) as { items: number[] };
    copy.items.shift();
    expect(copy).toEqual({ items: [2] });
  });

  it('keeps what is no data as it is, and copies what is around it', () => {
    class Money {
      cents = 1;
    }
    const service = { sent: 0, send: () => {} };
    const data = { money: new Money(), at: new Date(), service, stream: new Map(), list: [service] };
    const copy = copyOfData(data) as typeof data;
    expect(copy).not.toBe(data);
    expect(copy.list).not.toBe(data.list);
    expect(copy.money).toBe(data.money);
    expect(copy.at).toBe(data.at);
    expect(copy.stream).toBe(data.stream);
    expect(copy.service).toBe(service);
    expect(copy.list[0]).toBe(service);
    expect(copyOfData(service)).toBe(service);
    expect(copyOfData(Symbol.iterator)).toBe(Symbol.iterator);
  });

  it('keeps arrays that are more than their items, such as what a regular expression found', () => {
    const found = /b/.exec('abc');
    expect(copyOfData(found)).toBe(found);
    class Items extends Array<number> {}
    const items = Items.from([1]);
    expect(copyOfData(items)).toBe(items);
  });

  it('copies what contains itself, or occurs twice, in its own shape', () => {
    const shared = { n: 1 };
    const data: { one: object; two: object; self?: object } = { one: shared, two: shared };
    data.self = data;
    const copy = copyOfData(data) as typeof data;
    expect(copy.self).toBe(copy);
    expect(copy.one).toBe(copy.two);
    expect(copy.one).not.toBe(shared);
    // Each level holds itself twice: without a memory that would be endless work.
    const knot: unknown[] = [];
    knot.push(knot, knot);
    const copied = copyOfData(knot) as unknown[];
    expect(copied[0]).toBe(copied);
  });

  it('copies data of other realms, and keys such as __proto__', () => {
    const foreign = runInNewContext('({ list: [1, { a: 2 }] })') as { list: unknown[] };
    const copy = copyOfData(foreign) as typeof foreign;
    expect(copy.list).not.toBe(foreign.list);
    expect(JSON.stringify(copy)).toBe(JSON.stringify(foreign));
    const odd = copyOfData(JSON.parse('{"__proto__":{"a":1}}')) as object;
    expect(JSON.stringify(odd)).toBe('{"__proto__":{"a":1}}');
    expect(Object.getPrototypeOf(odd)).toBe(Object.prototype);
    expect(Object.getPrototypeOf(copyOfData(Object.create(null)))).toBeNull();
  });

  it('takes a view of a state for what it shows now', () => {
    const tree = new StateTree<{ items: number[] }>({ items: [1] });
    const copy = copyOfData({ view: tree.view }) as { view: { items: number[] } };
    tree.change(() => tree.view.items.push(2), false);
    expect(copy.view).toEqual({ items: [1] });
  });

  it('never throws: what cannot be looked through is kept as it is', () => {
    const throwing = {
      get total() {
        throw new Error('not now');
      },
    };
    const proxy = new Proxy(
      {},
      {
        getPrototypeOf: () => {
          throw new Error('never');
        },
      },
    );
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level += 1) deep = [deep];
    for (const value of [throwing, proxy]) expect(copyOfData(value)).toBe(value);
    expect(() => copyOfData(deep)).not.toThrow();
  });

  it('leaves arguments alone that nobody can change', () => {
    const args = [1, 'two', null, undefined, true, () => {}];
    expect(copyOfArguments(args)).toBe(args);
  });
});
