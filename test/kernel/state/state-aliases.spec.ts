import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nodeOf } from '../../../lib/kernel/state/state-node.js';
import { StateTree, unwrap } from '../../../lib/kernel/state/state-tree.js';
import { seedFor } from '../../support/seed.js';
import { type Container, type Data, root, walk } from './state-programs.js';
import { nodesOf } from './tree-nodes.js';

const SEED = seedFor('state-aliases');
const RUNS = Number(process.env.RUNS ?? 300);

/** What handlers do with parts of the state that they hold on to. */
const KINDS = [
  'hold',
  'write',
  'write',
  'take',
  'put',
  'spread',
  'filter',
  'wrap',
  'hoist',
  'replaceItem',
  'replaceRoot',
] as const;

interface Step {
  readonly kind: (typeof KINDS)[number];
  /** Where: a path from the root or, with `held`, from what is held. */
  readonly to: readonly number[];
  readonly held: boolean;
  readonly hand: number;
  readonly at: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...KINDS),
  to: fc.array(fc.nat(5), { maxLength: 3 }),
  held: fc.boolean(),
  hand: fc.nat(2),
  at: fc.nat(5),
});

const change = fc.record({ steps: fc.array(step, { maxLength: 10 }), undone: fc.nat(3).map((n) => n === 0) });

describe('a part of the state that a handler holds on to', () => {
  it('is what plain JavaScript would make of it, or a write to it is refused', () => {
    fc.assert(
      fc.property(root, fc.array(change, { maxLength: 5 }), (initial, changes) => {
        const bench = new Bench(initial);
        const before = JSON.stringify(initial);
        for (const { steps, undone } of changes) bench.change(steps, undone);
        bench.tree.undoTo(0);
        expect(JSON.stringify(bench.tree.frozen())).toBe(before);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });
});

/** Something held: the view, and what plain JavaScript would hold. */
interface Pair {
  readonly live: Container;
  readonly plain: Container;
}

class Bench {
  readonly tree: StateTree<{ [key: string]: Data }>;
  plain: Container;
  hands = new Map<number, Pair>();
  /** What was copied in this change, where plain JavaScript would share it. */
  copied = new Set<unknown>();

  constructor(initial: { [key: string]: Data }) {
    this.tree = new StateTree(initial);
    this.plain = structuredClone(initial);
  }

  change(steps: readonly Step[], undone: boolean): void {
    const mark = this.tree.mark();
    const before = structuredClone({
      plain: this.plain,
      held: [...this.hands].map(([hand, { plain }]) => ({ hand, plain })),
    });
    const views = new Map([...this.hands].map(([hand, { live }]) => [hand, live]));
    this.copied = new Set();
    this.tree.change(() => {
      for (const step of steps) {
        this.step(step);
        this.check();
      }
    }, true);
    expect(JSON.stringify(this.tree.frozenAt(mark))).toBe(JSON.stringify(before.plain));
    this.check();
    if (!undone) return;
    this.tree.undoTo(mark);
    this.plain = before.plain;
    this.hands = new Map(before.held.map(({ hand, plain }) => [hand, { plain, live: views.get(hand) as Container }]));
    this.check();
  }

  check(): void {
    const expected = JSON.stringify(this.plain);
    nodesOf(this.tree);
    expect(JSON.stringify(this.tree.view)).toBe(expected);
    expect(JSON.stringify(this.tree.frozen())).toBe(expected);
    for (const { live, plain } of this.hands.values()) {
      expect(JSON.stringify(live)).toBe(JSON.stringify(plain));
      expect(JSON.stringify(unwrap(live))).toBe(JSON.stringify(plain));
    }
  }

  step(step: Step): void {
    const target = this.find(step);
    const node = nodeOf(target.live);
    if (!node) throw new Error('not a view');
    if (step.kind === 'hold') {
      this.hands.set(step.hand, target);
    } else if (step.kind === 'replaceRoot') {
      this.tree.replace({ ...this.tree.view });
      this.plain = { ...(this.plain as { [key: string]: Data }) };
    } else if (this.copied.has(target.plain) && !reachable(this.plain).has(target.plain)) {
      expect(() => write(target.live, step.at)).toThrow(expect.objectContaining({ code: 'STATE_WRITE_LOST' }));
    } else if (step.kind === 'write') {
      write(target.live, step.at);
      write(target.plain, step.at);
    } else {
      this.restructure(step, target, node.isLender);
    }
  }

  restructure(step: Step, target: Pair, isLender: boolean): void {
    const key = Object.keys(target.plain).filter((name) => isContainer(at(target.plain, name)))[step.at % 3];
    if (step.kind === 'put') {
      const hand = this.hands.get(step.hand);
      if (hand) this.put(hand, target);
    } else if (key === undefined) {
      return;
    } else if (step.kind === 'take') {
      this.hands.set(step.hand, { live: take(target.live, key), plain: take(target.plain, key) });
    } else if (!isLender) {
      set(target.live, key, rebuild(at(target.live, key), step));
      set(target.plain, key, rebuild(at(target.plain, key), step));
    }
  }

  /** Assigns what is held. It moves if it was taken out of the state as a whole, or is part of what makes way; otherwise it is copied. */
  put(hand: Pair, target: Pair): void {
    const key = Array.isArray(target.plain) ? target.plain.length : 'put';
    // Where it is already, it stays.
    if (at(target.live, key) === hand.live) return;
    const moves = this.isFree(hand, target) || isPartOf(hand.live, at(target.live, key));
    if (!moves) for (const part of reachable(hand.plain)) this.copied.add(part);
    const plain = moves ? hand.plain : structuredClone(hand.plain);
    set(target.live, key, hand.live);
    set(target.plain, key, plain);
  }

  isFree({ live, plain }: Pair, target: Pair): boolean {
    const node = nodeOf(live);
    return !node?.parent && !node?.isLender && live !== this.tree.view && !reachable(plain).has(target.plain);
  }

  find({ held, hand, to }: Step): Pair {
    const start = (held && this.hands.get(hand)) || { live: this.tree.view, plain: this.plain };
    return { live: walk(start.live, to), plain: walk(start.plain, to) };
  }
}

function isPartOf(live: Container, whole: unknown): boolean {
  const [node, replaced] = [nodeOf(live), nodeOf(whole)];
  return !!node && !!replaced && !node.isLender && node.isWithin(replaced);
}

function rebuild(old: Container, { kind, at: place }: Step): Data {
  if (kind === 'wrap') return [old, 1];
  if (kind === 'hoist') return walk(old, [place, place]);
  if (!Array.isArray(old)) return { ...old, rebuilt: place };
  if (kind === 'replaceItem') {
    const item = old[place] ?? null;
    const other = Array.isArray(item) ? [...item] : typeof item === 'object' ? { ...item } : 1;
    old.splice(place, 1, other);
    return old;
  }
  return kind === 'filter' ? old.filter((_item, index) => index !== place) : [...old, place];
}

function write(target: Container, value: number): void {
  if (Array.isArray(target)) target.push(value);
  else target.written = value;
}

function take(target: Container, key: string): Container {
  const taken = at(target, key) as Container;
  if (Array.isArray(target)) return target.splice(Number(key), 1)[0] as Container;
  delete target[key];
  return taken;
}

function at(target: Container, key: string | number): Container {
  return (target as Record<string | number, unknown>)[key] as Container;
}

function set(target: Container, key: string | number, value: Data): void {
  if (key !== '__proto__') (target as Record<string | number, Data>)[key] = value;
  else Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}

function reachable(from: unknown, found = new Set<unknown>()): Set<unknown> {
  if (!isContainer(from) || found.has(from)) return found;
  found.add(from);
  for (const value of Object.values(from)) reachable(value, found);
  return found;
}
