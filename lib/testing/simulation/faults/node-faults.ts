import type { Fault, FaultKind, FaultyNode } from './fault.js';

const HOUR_MS = 3_600_000;

/** Faults of nodes, of their links and of their clocks. */
export const NODE_FAULTS = [
  {
    name: 'node-killed',
    forMs: [20, 4_000],
    isOfOneNode: true,
    begin: (nodes, fault) => nodeOf(nodes, fault).kill(),
    end: (nodes, fault) => nodeOf(nodes, fault).restart(),
  },
  {
    name: 'node-frozen',
    forMs: [50, 5_000],
    isOfOneNode: true,
    begin: (nodes, fault) => nodeOf(nodes, fault).freeze(),
    end: (nodes, fault) => nodeOf(nodes, fault).thaw(),
  },
  {
    name: 'cut-off',
    forMs: [50, 4_000],
    isOfOneNode: true,
    begin: (nodes, fault) => cut(nodeOf(nodes, fault), ['in', 'out'], true),
    end: (nodes, fault) => cut(nodeOf(nodes, fault), ['in', 'out'], false),
  },
  {
    name: 'cut-off-in',
    forMs: [50, 4_000],
    isOfOneNode: true,
    begin: (nodes, fault) => cut(nodeOf(nodes, fault), ['in'], true),
    end: (nodes, fault) => cut(nodeOf(nodes, fault), ['in'], false),
  },
  {
    name: 'cut-off-out',
    forMs: [50, 4_000],
    isOfOneNode: true,
    begin: (nodes, fault) => cut(nodeOf(nodes, fault), ['out'], true),
    end: (nodes, fault) => cut(nodeOf(nodes, fault), ['out'], false),
  },
  {
    name: 'clocks-apart',
    forMs: [0, 0],
    isFromBeginning: true,
    begin(nodes, { random }) {
      for (const node of nodes) node.setClock(Math.round(random.between(-HOUR_MS, HOUR_MS)));
    },
  },
  {
    name: 'clock-stepped',
    forMs: [0, 0],
    isOfOneNode: true,
    begin(nodes, fault) {
      const node = nodeOf(nodes, fault);
      const spanMs = fault.random.pick([50, 2_000, 60_000, HOUR_MS]);
      node.setClock(node.clockOffsetMs + Math.round(fault.random.between(-spanMs, spanMs)));
    },
  },
  {
    name: 'shutdown',
    forMs: [100, 3_000],
    isOfOneNode: true,
    begin: (nodes, fault) => nodeOf(nodes, fault).shutDown(),
    end: (nodes, fault) => nodeOf(nodes, fault).restart(),
  },
  {
    name: 'rolling-deployment',
    forMs: [100, 2_000],
    isOfOneNode: true,
    begin(nodes, fault) {
      const node = nodeOf(nodes, fault);
      node.deploy(fault.random.chance(0.75) ? 1 : 0);
      node.shutDown();
    },
    end: (nodes, fault) => nodeOf(nodes, fault).restart(),
  },
] as const satisfies readonly FaultKind[];

function nodeOf(nodes: readonly FaultyNode[], { node = 0 }: Fault): FaultyNode {
  return nodes[node % nodes.length] as FaultyNode;
}

function cut(node: FaultyNode, directions: readonly ('in' | 'out')[], isCut: boolean): void {
  for (const direction of directions) node.cut(direction, isCut);
}
