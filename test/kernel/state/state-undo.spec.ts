import { describe, expect, it } from '@jest/globals';
import { Tombstone } from '../../../lib/kernel/state/state-node.js';
import { StateTree } from '../../../lib/kernel/state/state-tree.js';
import { nodesOf } from './tree-nodes.js';

interface Counts {
  [key: string]: number;
}

function treeOf<S extends object>(state: S): StateTree<S> {
  return new StateTree<S>(state);
}

function counts(): StateTree<Counts> {
  return new StateTree<Counts>({ a: 1, b: 2, c: 3 });
}

describe('undoing', () => {
  it('leaves no trace of a handler that throws', () => {
    const tree = counts();
    const before = tree.frozen();
    const attempt = () =>
      tree.change(() => {
        tree.view.a = 5;
        delete tree.view.b;
        throw new Error('no');
      }, true);
    expect(attempt).toThrow('no');
    expect(JSON.stringify(tree.frozen())).toBe(JSON.stringify(before));
    expect(tree.mark()).toBe(0);
  });

  it('puts a deleted key back in its place, even if it was added again meanwhile', () => {
    const tree = counts();
    const marks = [tree.mark()];
    tree.change(() => void delete tree.view.a, true);
    marks.push(tree.mark());
    tree.change(() => void (tree.view.a = 9), true);
    expect(Object.keys(tree.view)).toEqual(['b', 'c', 'a']);
    expect(marks.map((mark) => JSON.stringify(tree.frozenAt(mark)))).toEqual(['{"a":1,"b":2,"c":3}', '{"b":2,"c":3}']);
    tree.undoTo(marks[1] as number);
    expect(JSON.stringify(tree.view)).toBe('{"b":2,"c":3}');
    tree.undoTo(marks[0] as number);
    expect(JSON.stringify(tree.view)).toBe('{"a":1,"b":2,"c":3}');
  });

  it.each(['7', '4294967294', '4294967295', '4294967296', '01', '-0'])(
    'gives the key %s the place that it would have without undoing',
    (key) => {
      const change = (state: Counts) => {
        delete state[key];
        state[key] = 4;
      };
      const plain: Counts = { [key]: 0, b: 2, c: 3 };
      const tree = treeOf<Counts>({ [key]: 0, b: 2, c: 3 });
      const before = Object.keys(plain);
      change(plain);
      tree.change(() => change(tree.view), true);
      expect(Object.keys(tree.view)).toEqual(Object.keys(plain));
      expect(Object.keys(tree.frozen())).toEqual(Object.keys(plain));
      tree.undoTo(0);
      expect(Object.keys(tree.view)).toEqual(before);
    },
  );

  it('keeps nothing of a deletion that can no longer be undone', () => {
    const tree = counts();
    tree.change(() => void delete tree.view.a, true);
    const settled = tree.mark();
    tree.change(() => void (tree.view.a = 9), true);
    tree.settle(settled);
    tree.undoTo(settled);
    expect(JSON.stringify(tree.view)).toBe('{"b":2,"c":3}');
    tree.change(() => void delete tree.view.b, true);
    tree.settle(tree.mark());
    tree.change(() => void delete tree.view.c, false);
    for (const node of nodesOf(tree))
      expect(Object.values(node.values).filter((value) => value instanceof Tombstone)).toEqual([]);
  });

  it('puts back more items than a call can have arguments', () => {
    const items = Array.from({ length: 200_000 }, (_item, n) => n);
    const tree = treeOf({ items });
    tree.change(() => void tree.view.items.splice(5, 150_000, -1, -2), true);
    tree.change(() => void (tree.view.items.length = 3), true);
    tree.undoTo(1);
    expect(tree.frozen().items).toEqual([0, 1, 2, 3, 4, -1, -2, ...items.slice(150_005)]);
    expect(tree.frozenAt(0).items).toEqual(items);
    tree.undoTo(0);
    expect(tree.frozen().items).toEqual(items);
  });

  it('takes a change of one kind only: what can be undone never lies under what cannot', () => {
    const tree = counts();
    const settled = () => tree.change(() => void (tree.view.a = 7), false);
    settled();
    tree.change(() => void (tree.view.a = 8), true);
    expect(settled).toThrow('undo or settle those first');
    tree.undoTo(0);
    settled();
    expect(tree.frozen().a).toBe(7);
  });

  it('refuses marks that are not there, and everything but writing while a change runs', () => {
    const tree = counts();
    tree.change(() => void (tree.view.a = 8), true);
    expect(() => tree.undoTo(2)).toThrow(RangeError);
    expect(() => tree.frozenAt(2)).toThrow(RangeError);
    tree.settle(1);
    expect(() => tree.undoTo(0)).toThrow(RangeError);
    expect(() => tree.frozenAt(0)).toThrow(RangeError);
    const inside = [
      () => tree.change(() => {}, true),
      () => tree.undoTo(1),
      () => tree.settle(1),
      () => tree.frozenAt(1),
    ];
    for (const attempt of inside) expect(() => tree.change(attempt, true)).toThrow('inside a change of the same state');
    expect(tree.frozen()).toEqual({ a: 8, b: 2, c: 3 });
  });
});

describe('frozen copies', () => {
  it('share whatever did not change, also with the past', () => {
    const tree = treeOf({ a: { n: 1 }, list: [{ n: 1 }, { n: 2 }], deep: { x: { y: { n: 1 } }, z: { n: 1 } } });
    const before = tree.frozen();
    expect(tree.frozen()).toBe(before);
    const mark = tree.mark();
    tree.change(() => void (tree.view.deep.x.y.n = 2), true);
    const after = tree.frozen();
    expect(after).toEqual({ ...before, deep: { x: { y: { n: 2 } }, z: { n: 1 } } });
    expect([after.a, after.list, after.deep.z]).toEqual([before.a, before.list, before.deep.z]);
    expect([after.a === before.a, after.list === before.list, after.deep.z === before.deep.z]).toEqual([
      true,
      true,
      true,
    ]);
    expect([after === before, after.deep === before.deep, after.deep.x.y === before.deep.x.y]).toEqual([
      false,
      false,
      false,
    ]);
    const past = tree.frozenAt(mark);
    expect(past).toEqual(before);
    expect([past.a === after.a, past.list === after.list, past.deep.z === after.deep.z]).toEqual([true, true, true]);
    expect(tree.frozen()).toBe(after);
  });

  it('are not made anew by a write of what is there already', () => {
    const tree = treeOf({ a: { n: 1 }, list: [1] });
    const before = tree.frozen();
    tree.change(() => {
      const { view } = tree;
      view.a.n = 1;
      view.list[0] = 1;
      Object.assign(view, { a: view.a, list: view.list });
      tree.replace(view);
    }, true);
    expect(tree.frozen()).toBe(before);
    expect(tree.mark()).toBe(0);
  });

  it('share what a reducer carries over', () => {
    const tree = treeOf<{ n: number; list: { id: number }[]; other: object }>({
      n: 1,
      list: [{ id: 1 }, { id: 2 }],
      other: { x: { y: 1 } },
    });
    const before = tree.frozen();
    tree.change(() => {
      tree.replace({ ...tree.view, n: 2 });
      tree.view.list = tree.view.list.map((item) => (item.id === 1 ? { ...item, id: 3 } : item));
    }, true);
    const after = tree.frozen();
    expect(after).toEqual({ ...before, n: 2, list: [{ id: 3 }, { id: 2 }] });
    expect([after.other === before.other, after.list[1] === before.list[1]]).toEqual([true, true]);
    tree.undoTo(0);
    expect(tree.frozen()).toEqual(before);
    expect(tree.frozen().other).toBe(before.other);
  });

  it('of the past are remembered, but not past their time', () => {
    const tree = counts();
    const set = (value: number, undoable = true) => tree.change(() => void (tree.view.a = value), undoable);
    set(2);
    set(3);
    const past = tree.frozenAt(1);
    set(4);
    expect(tree.frozenAt(1)).toBe(past);
    tree.undoTo(0);
    set(5);
    set(6);
    expect(tree.frozenAt(1).a).toBe(5);
    tree.settle(1);
    expect(tree.frozenAt(1).a).toBe(5);
    tree.undoTo(1);
    set(7, false);
    set(8);
    expect(tree.frozenAt(1).a).toBe(7);
  });
});
