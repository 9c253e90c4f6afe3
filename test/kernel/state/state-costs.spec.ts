import { describe, expect, it } from '@jest/globals';
import { StateTree } from '../../../lib/kernel/state/state-tree.js';

describe('what things cost', () => {
  const SMALL = 100;
  const LARGE = 30_000;

  /** What changes to a large state take, in those to a small one. If they took time by the weight of the state, it would be 300. */
  const RATIO_MAX = 30;

  interface Shop {
    map: Record<string, { n: number }>;
    numbered: Record<number, number>;
    list: { n: number }[];
  }

  function large(size: number): StateTree<Shop> {
    const list = Array.from({ length: size }, (_item, n) => ({ n }));
    const map = Object.fromEntries(list.map((item) => [`key ${item.n}`, item]));
    return new StateTree<Shop>({ map, numbered: Object.fromEntries(list.map(({ n }) => [n, n])), list });
  }

  function fastestMs(repeat: () => void): number {
    let fastest = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 7; round++) {
      const start = process.hrtime.bigint();
      repeat();
      fastest = Math.min(fastest, Number(process.hrtime.bigint() - start) / 1e6);
    }
    return fastest;
  }

  it.each<[name: string, write: (state: Shop, n: number) => void]>([
    ['a value', (state, n) => void ((state.map[`key ${n}`] as { n: number }).n += 1)],
    ['a new key', (state, n) => void (state.map[`new ${n}`] = { n })],
    ['a deletion', (state, n) => void delete state.map[`key ${n}`]],
    [
      'a key that is a number, deleted and added again',
      ({ numbered }, n) => void (delete numbered[n] && (numbered[n] = -n)),
    ],
    ['an item', (state, n) => void (state.list[n] = { n: -n })],
    ['an item at the end', (state, n) => void state.list.push({ n })],
    ['the last item', (state) => void state.list.pop()],
  ])('%s: a change and its undoing do not weigh the state', (_name, write) => {
    const took = [SMALL, LARGE].map((size) => {
      const tree = large(size);
      return fastestMs(() => {
        for (let n = 0; n < 50; n++) {
          const mark = tree.mark();
          tree.change(() => write(tree.view, n), true);
          tree.undoTo(mark);
        }
      });
    });
    expect((took[1] as number) / (took[0] as number)).toBeLessThan(RATIO_MAX);
  });

  it('a reducer that carries a large part over does not copy it', () => {
    const took = [SMALL, LARGE].map((size) => {
      const tree = large(size);
      return fastestMs(() => {
        for (let n = 0; n < 50; n++) {
          tree.change(() => tree.replace({ ...tree.view }), true);
          tree.undoTo(0);
        }
      });
    });
    expect((took[1] as number) / (took[0] as number)).toBeLessThan(RATIO_MAX);
  });

  it('a look after a change copies only what leads to the change', () => {
    const tree = large(SMALL);
    const before = tree.frozen();
    tree.change(() => void ((tree.view.list[7] as { n: number }).n = -1), true);
    const after = tree.frozen();
    const same = after.list.filter((item, index) => item === before.list[index]);
    expect([same.length, after.map === before.map]).toEqual([SMALL - 1, true]);
  });
});
