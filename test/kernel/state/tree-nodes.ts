import { nodeOf, StateNode } from '../../../lib/kernel/state/state-node.js';
import type { StateTree } from '../../../lib/kernel/state/state-tree.js';

/** All nodes of a tree. Throws unless each has one place, knows it, and has lent nothing. */
export function nodesOf(tree: StateTree): Set<StateNode> {
  const found = new Set<StateNode>();
  const visit = (node: StateNode, parent: StateNode | undefined) => {
    if (found.has(node)) throw new Error(`a node in two places, one in ${parent?.path()}`);
    if (node.parent !== parent) throw new Error(`a node that doesn't know where it is, in ${parent?.path()}`);
    if (node.isLender) throw new Error(`a part of the state is lent: ${node.path()}`);
    found.add(node);
    for (const [, value] of node.entries()) if (value instanceof StateNode) visit(value, node);
  };
  visit(nodeOf(tree.view) as StateNode, undefined);
  return found;
}
