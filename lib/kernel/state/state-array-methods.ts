import { type Item, nodeOf, StateNode } from './state-node.js';

/** What the methods need from an array's node. */
interface ArrayItems extends StateNode<Item[]> {
  splice(start: number, deleteCount: number, items: readonly unknown[]): Item[];
  reorder(items: readonly Item[]): void;
  setItem(index: number, value: unknown): void;
}

/** These methods write, so they work only inside a change. */
const writing = {
  push(this: unknown[], ...items: unknown[]) {
    const node = writable(this, 'push');
    node.splice(node.values.length, 0, items);
    return node.values.length;
  },

  pop(this: unknown[]) {
    const node = writable(this, 'pop');
    return shown(node.values.length === 0 ? undefined : node.splice(node.values.length - 1, 1, [])[0]);
  },

  shift(this: unknown[]) {
    const node = writable(this, 'shift');
    return shown(node.values.length === 0 ? undefined : node.splice(0, 1, [])[0]);
  },

  unshift(this: unknown[], ...items: unknown[]) {
    const node = writable(this, 'unshift');
    node.splice(0, 0, items);
    return node.values.length;
  },

  splice(this: unknown[], ...args: [start?: number, deleteCount?: number, ...items: unknown[]]) {
    const node = writable(this, 'splice');
    const [from, count, ...items] = args;
    const start = relativeIndex(from, node.values.length);
    const rest = args.length === 0 ? 0 : node.values.length - start;
    const deleteCount = args.length < 2 ? rest : Math.min(Math.max(toInteger(count), 0), rest);
    return node.splice(start, deleteCount, items).map(shown);
  },

  sort(this: unknown[], compare?: (a: unknown, b: unknown) => number) {
    const node = writable(this, 'sort');
    const before = node.values.slice();
    const sorted = compare ? before.toSorted((a, b) => compare(shown(a), shown(b))) : sortedByText(before);
    if (before.length !== node.values.length || before.some((item, index) => item !== node.values[index])) {
      throw new TypeError('the array changed while it was being sorted');
    }
    node.reorder(sorted);
    return this;
  },

  reverse(this: unknown[]) {
    const node = writable(this, 'reverse');
    node.reorder(node.values.toReversed());
    return this;
  },

  fill(this: unknown[], value: unknown, from?: number, to?: number) {
    const node = writable(this, 'fill');
    const { length } = node.values;
    const end = to === undefined ? length : relativeIndex(to, length);
    for (let index = relativeIndex(from, length); index < end; index++) node.setItem(index, value);
    return this;
  },

  copyWithin(this: unknown[], target: number, from: number, to?: number) {
    const node = writable(this, 'copyWithin');
    const items = node.values.map(shown).copyWithin(target, from, to);
    for (const [index, item] of items.entries()) node.setItem(index, item);
    return this;
  },
};

/** These methods find an item by identity. The view of a node stands for the node. */
const searching = {
  includes(this: unknown[], item: unknown, ...from: number[]) {
    return nodeOfArray(this).values.includes(stored(item), ...from);
  },

  indexOf(this: unknown[], item: unknown, ...from: number[]) {
    return nodeOfArray(this).values.indexOf(stored(item), ...from);
  },

  lastIndexOf(this: unknown[], item: unknown, ...from: [number]) {
    return nodeOfArray(this).values.lastIndexOf(stored(item), ...from);
  },
};

const copying = {
  slice(this: unknown[], from?: number, to?: number) {
    return nodeOfArray(this).values.slice(from, to).map(shown);
  },

  *values(this: unknown[]) {
    const { values } = nodeOfArray(this);
    for (let index = 0; index < values.length; index++) yield shown(values[index]);
  },
};

/** Their callbacks get views of the items, and so does the caller. */
const RUNNING_OVER = [
  'find',
  'findIndex',
  'findLast',
  'findLastIndex',
  'some',
  'every',
  'filter',
  'forEach',
  'map',
  'flatMap',
] as const;
const REDUCING = ['reduce', 'reduceRight'] as const;

type Method = (this: unknown[], ...args: never[]) => unknown;
type Callback = (this: unknown, item: unknown, index: number, items: unknown[]) => unknown;
type Reducer = (result: unknown, item: unknown, index: number, items: unknown[]) => unknown;

/**
 * Array methods that views implement differently from `Array.prototype`. Writing methods are journaled as one change.
 * Methods that visit every item do not cross the proxy for each. All others work through the proxy as they are.
 */
export const ARRAY_METHODS: ReadonlyMap<string | symbol, Method> = new Map<string | symbol, Method>([
  ...Object.entries<Method>(writing),
  ...Object.entries<Method>(searching),
  ...Object.entries<Method>(copying),
  ...RUNNING_OVER.map((name) => [name, runningOver(name)] as const),
  ...REDUCING.map((name) => [name, reducing(name)] as const),
  [Symbol.iterator, copying.values],
]);

function runningOver(name: (typeof RUNNING_OVER)[number]): Method {
  const native = Array.prototype[name] as (this: Item[], callback: (item: Item, index: number) => unknown) => unknown;
  return function (this: unknown[], callback: Callback, thisArg?: unknown) {
    const { values } = nodeOfArray(this);
    const result = native.call(values, (item, index) => callback.call(thisArg, shown(item), index, this));
    return name === 'filter' ? (result as Item[]).map(shown) : shown(result);
  };
}

function reducing(name: (typeof REDUCING)[number]): Method {
  const native = Array.prototype[name] as (this: unknown[], reducer: Reducer, ...initial: unknown[]) => unknown;
  return function (this: unknown[], reducer: Reducer, ...initial: unknown[]) {
    const { values } = nodeOfArray(this);
    return shown(
      native.call(values, (result, item, index) => reducer(shown(result), shown(item), index, this), ...initial),
    );
  };
}

/** What a user sees of a stored value. */
function shown(value: unknown): unknown {
  return value instanceof StateNode ? value.view : value;
}

/** What a node stores of a user's value. */
function stored(value: unknown): Item {
  return nodeOf(value) ?? (value as Item);
}

function nodeOfArray(view: unknown): ArrayItems {
  const node = nodeOf(view);
  if (node && Array.isArray(node.values)) return node as ArrayItems;
  throw new TypeError('a method of a state array was called on another object');
}

function writable(view: unknown, method: string): ArrayItems {
  const node = nodeOfArray(view);
  node.writer.assertWriting(node, `${method}()`);
  return node;
}

/** A negative index counts from the end. */
function relativeIndex(value: unknown, length: number): number {
  const index = toInteger(value);
  return index < 0 ? Math.max(length + index, 0) : Math.min(index, length);
}

function toInteger(value: unknown): number {
  return Math.trunc(Number(value)) || 0;
}

/** The order of `sort()` without a function. */
function sortedByText(items: readonly Item[]): Item[] {
  const texts = items.map((item) => ({ item, text: String(shown(item)) }));
  texts.sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
  return texts.map(({ item }) => item);
}
