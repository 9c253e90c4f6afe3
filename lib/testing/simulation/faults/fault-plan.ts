import type { SeededRandom } from '../world/index.js';
import { DELIVERY_FAULTS } from './delivery-faults.js';
import type { Fault, FaultKind } from './fault.js';
import { NODE_FAULTS } from './node-faults.js';
import { STORE_FAULTS } from './store-faults.js';

/** The name of a kind of fault. */
export type FaultName = (typeof ALL)[number]['name'];

/** Most faults of one kind in one course. */
const OF_ONE_KIND_MAX = 3;
/** The share of the allowed kinds that one course has, at least and at most (1: all of them). */
const KINDS_SHARE = [0.1, 0.6] as const;

const ALL = [...STORE_FAULTS, ...DELIVERY_FAULTS, ...NODE_FAULTS] as const;

/** The names of all kinds of faults. */
export const FAULT_NAMES: readonly FaultName[] = ALL.map(({ name }) => name);

/** What a plan is made for. */
export interface FaultPlanOptions {
  readonly names: readonly FaultName[];
  readonly random: SeededRandom;
  readonly nodes: number;
  /** All faults must have ended by then. Milliseconds. */
  readonly untilMs: number;
}

/**
 * Plans which faults there are, and when. Each course has only some kinds, and others than the next: where everything
 * goes wrong at once, little happens (swarm testing; Groce et al., 2012). Each fault has random numbers of its own, so
 * leaving one out does not change the others.
 */
export function planFaults({ names, random, nodes, untilMs }: FaultPlanOptions): Fault[] {
  const kindsShare = random.between(...KINDS_SHARE);
  const faults: Fault[] = [];
  for (const kind of ALL.filter(({ name }) => names.includes(name)) as readonly FaultKind[]) {
    const own = random.fork(kind.name);
    if (names.length > 1 && !own.chance(kindsShare)) continue;
    const count = kind.isFromBeginning ? 1 : own.int(1, OF_ONE_KIND_MAX + 1);
    for (let i = 0; i < count; i += 1) faults.push(newFault(kind, own.fork(`${i}`), { i, nodes, untilMs }));
  }
  return faults;
}

function newFault(
  kind: FaultKind,
  random: SeededRandom,
  { i, nodes, untilMs }: { i: number; nodes: number; untilMs: number },
): Fault {
  const atMs = kind.isFromBeginning ? 0 : random.between(50, untilMs * 0.9);
  const [min, max] = kind.share ?? [1, 1];
  const isOfOneNode = kind.isOfOneNode || random.chance(0.3);
  return {
    id: `${kind.name} ${i + 1}`,
    kind,
    atMs,
    untilMs: Math.min(untilMs, atMs + random.between(...kind.forMs)),
    node: isOfOneNode ? random.int(nodes) : undefined,
    share: random.between(min, max),
    random,
  };
}
