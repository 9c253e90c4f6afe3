import fc from 'fast-check';

/** State for random programs: whatever plain data can be. */
export type Data = null | boolean | number | string | Data[] | { [key: string]: Data };
export type Container = Data[] | { [key: string]: Data };

/** One thing a handler does to the state, described by numbers, so that it means the same to every state. */
export interface Step {
  readonly kind: (typeof KINDS)[number];
  /** Leads to the container that is written to. */
  readonly to: readonly number[];
  /** Leads to another part of the state. */
  readonly from: readonly number[];
  readonly at: number;
  readonly count: number;
  readonly key: string;
  readonly value: Data;
}

export const HOSTILE_KEYS = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length', 'toJSON', 'then', ''];
const KEYS = [
  ...HOSTILE_KEYS,
  'a',
  'b',
  'c',
  'd',
  '7',
  '0',
  '10',
  '4294967294',
  '4294967295',
  '4294967296',
  '-1',
  '01',
];

const OBJECT_STEPS = ['set', 'unset', 'delete', 'deleteAndSet', 'copy', 'take', 'spread', 'wrap', 'merge'] as const;
const ARRAY_STEPS = [
  'push',
  'pop',
  'shift',
  'unshift',
  'splice',
  'setItem',
  'setLength',
  'sort',
  'reverse',
  'fill',
  'copyWithin',
  'swap',
  'rotate',
  'replaceItem',
  'rebuildItem',
] as const;
const KINDS = [...OBJECT_STEPS, ...ARRAY_STEPS, 'replaceRoot', 'unwrapRoot'] as const;

const key = fc.constantFrom(...KEYS);

export const data: fc.Arbitrary<Data> = fc.letrec<{ data: Data }>((tie) => ({
  data: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom<Data>(null, true, false, 0, 1, -2.5, 'x', ''),
    fc.array(tie('data'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('data')), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
  ),
})).data;

export const root = fc
  .record({ list: fc.array(data, { maxLength: 6 }), map: fc.dictionary(key, data), n: data })
  .map((state) => JSON.parse(JSON.stringify(state)) as { [key: string]: Data });

const steer = fc.array(fc.nat(9), { maxLength: 4 });

export const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...KINDS),
  to: steer,
  from: steer,
  at: fc.nat(7),
  count: fc.nat(3),
  key,
  value: data,
});

/** A state to run steps on, with what it takes to assign one of its own parts: plain JavaScript would share it. */
export interface Subject {
  root: Container;
  readonly isLive: boolean;
  own<T extends Data>(value: T): T;
}

/** Does the step; to the view of a tree, or to plain data in the same way. */
export function run(subject: Subject, step: Step): void {
  if (step.kind === 'replaceRoot') {
    const { root } = subject;
    subject.root = subject.own(step.count === 0 ? { [step.key]: root } : Array.isArray(root) ? [...root] : { ...root });
  } else if (step.kind === 'unwrapRoot') {
    const part = walk(subject.root, step.to);
    if (step.count === 0 && part !== subject.root) subject.root = subject.own(part);
  } else {
    const target = walk(subject.root, step.to);
    if (Array.isArray(target)) runOnArray(subject, step, target);
    else runOnObject(subject, step, target);
  }
}

function runOnObject(subject: Subject, step: Step, target: { [key: string]: Data }): void {
  const { key } = step;
  const existing = Object.keys(target)[step.at] ?? key;
  const old = Object.hasOwn(target, existing) ? (target[existing] as Data) : null;
  const value = structuredClone(step.value);
  switch (step.kind) {
    case 'set':
      put(target, existing, value);
      break;
    case 'unset':
      if (Object.hasOwn(target, existing)) put(target, existing, undefined);
      break;
    case 'deleteAndSet':
      delete target[existing];
      put(target, existing, value);
      break;
    case 'copy':
      put(target, key, subject.own(walk(subject.root, step.from)));
      break;
    case 'take':
      delete target[existing];
      put(target, key, subject.own(old));
      break;
    case 'spread':
      put(target, existing, subject.own(spread(old, key, value)));
      break;
    case 'wrap':
      put(target, existing, subject.own({ [key]: old }));
      break;
    case 'merge':
      for (const [name, item] of Object.entries(walk(subject.root, step.from)))
        put(target, name, subject.own(item as Data));
      break;
    default:
      delete target[existing];
  }
}

function runOnArray(subject: Subject, step: Step, target: Data[]): void {
  const { at, count } = step;
  const old = target[at];
  const value = structuredClone(step.value);
  const part = () => subject.own(walk(subject.root, step.from));
  switch (step.kind) {
    case 'pop':
      target.pop();
      break;
    case 'shift':
      target.shift();
      break;
    case 'unshift':
      target.unshift(value, part());
      break;
    case 'splice':
      target.splice(at - 3, count, value, part());
      break;
    case 'setItem':
      if (at < target.length) target[at] = count === 0 ? part() : value;
      break;
    case 'setLength':
      target.length = Math.min(target.length, at);
      break;
    case 'sort':
      if (target.every((item) => typeof item !== 'object')) target.sort();
      else target.sort((a, b) => JSON.stringify(a).length - JSON.stringify(b).length);
      break;
    case 'reverse':
      target.reverse();
      break;
    case 'fill':
      if (subject.isLive) target.fill(value, at, at + count);
      else
        for (let index = at; index < Math.min(at + count, target.length); index++) target[index] = subject.own(value);
      break;
    case 'copyWithin':
      if (subject.isLive) target.copyWithin(at, count);
      else [...target].copyWithin(at, count).forEach((item, index) => void (target[index] = subject.own(item)));
      break;
    case 'swap':
      if (at < target.length && count < target.length)
        [target[at], target[count]] = [target[count] as Data, target[at] as Data];
      break;
    case 'rotate':
      if (target.length > 0) target.push(target.shift() as Data);
      break;
    case 'replaceItem':
      if (old !== undefined) target.splice(at, 1, subject.own(spread(old, step.key, value)));
      break;
    case 'rebuildItem':
      if (Array.isArray(old))
        target[at] = subject.own(count === 0 ? [...old, value] : old.filter((_item, index) => index !== count));
      break;
    default:
      target.push(value, part());
  }
}

/** Writes `__proto__` as a view does. */
function put(target: { [key: string]: Data }, key: string, value: Data | undefined): void {
  if (value === undefined) delete target[key];
  else if (key !== '__proto__') target[key] = value;
  else Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

function spread(old: Data, key: string, value: Data): Data {
  if (Array.isArray(old)) return [...old, value];
  return typeof old === 'object' ? { ...old, [key]: value } : [old, value];
}

/** Follows a path of numbers from container to container. */
export function walk(from: Container, steer: readonly number[]): Container {
  let at = from;
  for (const turn of steer) {
    const ways = Object.values(at).filter((value): value is Container => typeof value === 'object' && value !== null);
    const next = ways[turn % Math.max(ways.length, 1)];
    if (!next) break;
    at = next;
  }
  return at;
}
