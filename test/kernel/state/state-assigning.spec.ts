import { describe, expect, it } from '@jest/globals';
import { isView, StateTree, unwrap } from '../../../lib/kernel/state/state-tree.js';
import { PayloadError } from '../../../lib/kernel/values/errors.js';
import { nodesOf } from './tree-nodes.js';

interface Item {
  id: number;
  done?: boolean;
  tags?: string[];
}
interface Shop {
  name: string;
  open?: boolean;
  items: Item[];
  first?: Item;
}

function shop(): StateTree<Shop> {
  return new StateTree<Shop>({ name: 'x', items: [{ id: 1, tags: ['a'] }, { id: 2 }, { id: 3 }] });
}

function changing(tree: StateTree<Shop>, change: (state: Shop) => void): Shop {
  tree.change(() => change(tree.view), true);
  return tree.frozen();
}

describe('what is assigned', () => {
  it('is copied; the original is frozen, so that a later write to it is not lost in silence', () => {
    const item = { id: 4, tags: ['x'] };
    const tree = shop();
    changing(tree, (state) => state.items.push(item));
    expect(() => item.tags.push('y')).toThrow(TypeError);
    expect(() => void (item.id = 5)).toThrow(TypeError);
    const writeToOriginal = () => changing(tree, (state) => (state.items[4] = { id: 5, tags: ['x'] }).tags.pop());
    expect(writeToOriginal).toThrow('read it back from the state to change it');
    changing(tree, (state) => state.items[3]?.tags?.push('z'));
    expect([item, tree.frozen().items[3]]).toEqual([
      { id: 4, tags: ['x'] },
      { id: 4, tags: ['x', 'z'] },
    ]);
  });

  it('is absent if it is undefined, as in JSON', () => {
    const tree = shop();
    changing(tree, (state) => Object.assign(state, { open: true }));
    const frozen = changing(tree, (state) => {
      Object.assign(state, { open: undefined });
      state.items[0] = { id: 1, tags: undefined } as never;
    });
    expect(Object.keys(frozen)).toEqual(['name', 'items']);
    expect(Object.keys(frozen.items[0] as Item)).toEqual(['id']);
  });

  it('is a copy if it is another part of the state', () => {
    const frozen = changing(shop(), ({ items }) => {
      items.push(items[0] as Item);
      (items[3] as Item).id = 4;
      items.fill({ id: 7 }, 1, 3);
      (items[1] as Item).id = 8;
    });
    expect(frozen.items.map(({ id }) => id)).toEqual([1, 8, 7, 4]);
  });
});

describe('a part of the state that a handler holds on to', () => {
  it('stays live when it is taken out and put back elsewhere', () => {
    const frozen = changing(shop(), (state) => {
      const item = state.items.shift() as Item;
      item.done = true;
      state.first = item;
      item.tags?.push('b');
    });
    expect(frozen).toEqual({
      name: 'x',
      items: [{ id: 2 }, { id: 3 }],
      first: { id: 1, done: true, tags: ['a', 'b'] },
    });
  });

  it('stays live when what it is part of is replaced by something made of its parts', () => {
    const tree = shop();
    const before = tree.frozen();
    const frozen = changing(tree, (state) => {
      const second = state.items[1] as Item;
      state.items = state.items.filter(({ id }) => id > 1);
      second.done = true;
      tree.replace({ ...tree.view, items: [...tree.view.items, { id: 4 }] });
      second.id = 22;
    });
    expect(frozen.items).toEqual([{ id: 22, done: true }, { id: 3 }, { id: 4 }]);
    tree.undoTo(0);
    expect(tree.frozen()).toEqual(before);
  });

  it('stays live when an item is replaced by one made of its parts', () => {
    const frozen = changing(shop(), ({ items }) => {
      const tags = items[0]?.tags as string[];
      items.splice(0, 1, { ...(items[0] as Item), done: true });
      tags.push('b');
      items[0] = { ...(items[0] as Item), id: 11 };
      tags.push('c');
    });
    expect(frozen.items[0]).toEqual({ id: 11, done: true, tags: ['a', 'b', 'c'] });
  });

  it('goes to one place only', () => {
    const tree = shop();
    const frozen = changing(tree, ({ items }) => {
      const last = items.pop() as Item;
      items.push(last, last);
      last.done = true;
      const first = items[0] as Item;
      items.splice(0, 1, { id: 9, tags: first.tags as string[] }, first);
      first.tags?.push('x');
    });
    nodesOf(tree);
    expect(frozen.items).toEqual([
      { id: 9, tags: ['a', 'x'] },
      { id: 1, tags: ['a'] },
      { id: 2 },
      { id: 3, done: true },
      { id: 3 },
    ]);
  });

  it('stays where it is if what it was assigned with is refused', () => {
    const tree = shop();
    const frozen = changing(tree, (state) => {
      const last = state.items.pop() as Item;
      expect(() => state.items.push(last, new Date() as never)).toThrow(PayloadError);
      expect(() => Object.assign(state, { first: [last, Number.NaN] })).toThrow(PayloadError);
      state.first = last;
      last.done = true;
    });
    nodesOf(tree);
    expect(frozen).toEqual({ name: 'x', items: [{ id: 1, tags: ['a'] }, { id: 2 }], first: { id: 3, done: true } });
  });

  it('is copied into the state of another actor', () => {
    const [tree, other] = [shop(), shop()];
    changing(other, (state) => {
      const taken = tree.view.items[0] as Item;
      state.first = taken;
      expect(() => void (taken.id = 5)).toThrow('read-only');
      changing(tree, ({ items }) => void ((items.shift() as Item).id = 7));
      state.first.id = 6;
    });
    expect([other.frozen().first?.id, tree.frozen().items.length]).toEqual([6, 2]);
  });

  it('can nest what it was: a list that grows at its head', () => {
    interface Link {
      n: number;
      next: Link | null;
    }
    const tree = new StateTree<{ head: Link | null }>({ head: null });
    for (const n of [1, 2, 3]) tree.change(() => void (tree.view.head = { n, next: tree.view.head }), true);
    expect(tree.frozen().head).toEqual({ n: 3, next: { n: 2, next: { n: 1, next: null } } });
    tree.undoTo(2);
    expect(tree.frozen().head).toEqual({ n: 2, next: { n: 1, next: null } });
  });

  it('cannot be written to where the write would be lost', () => {
    const tree = shop();
    const lose = () =>
      changing(tree, (state) => {
        const item = state.items[0] as Item;
        state.first = item;
        state.items.shift();
        item.done = true;
      });
    expect(lose).toThrow("a write to '(removed).done' would be lost");
    expect(lose).toThrow(expect.objectContaining({ code: 'STATE_WRITE_LOST' }));
    expect(tree.frozen()).toEqual(shop().frozen());
  });
});

describe('unwrap', () => {
  it('makes frozen copies of views, wherever they are, and leaves everything else as it is', () => {
    const tree = shop();
    const { view } = tree;
    expect(unwrap(view)).toBe(tree.frozen());
    const answer = { items: view.items, n: 1, deep: [{ first: view.items[0] }], at: new Date(0) };
    const plain = unwrap(answer) as typeof answer;
    expect(plain).toEqual({
      items: tree.frozen().items,
      n: 1,
      deep: [{ first: { id: 1, tags: ['a'] } }],
      at: new Date(0),
    });
    expect([isView(plain.items), isView(plain.deep[0]?.first), isView(answer.items)]).toEqual([false, false, true]);
    expect(Object.isFrozen(plain.items)).toBe(true);
    expect(plain.at).toBe(answer.at);
    const untouched = { a: [1, { b: null }], map: new Map([[1, 2]]) };
    for (const value of [untouched, 1, 'x', null, undefined, isView]) expect(unwrap(value)).toBe(value);
  });

  it('copes with what contains itself', () => {
    const loop: { self?: unknown; view?: unknown } = {};
    loop.self = loop;
    expect(unwrap(loop)).toBe(loop);
    loop.view = shop().view;
    const plain = unwrap(loop) as typeof loop;
    expect(plain.self).toBe(plain);
    expect(isView(plain.view)).toBe(false);
  });
});
