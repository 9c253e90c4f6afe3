/** The last heartbeat of a node, as the engine keeps it. */
export interface NodeRecord {
  readonly nodeId: string;
  /** Identifies one start of the node. It reveals two processes that use one node id at the same time. */
  readonly incarnation: string;
  /** Grows with every heartbeat. Only the change has a meaning. */
  readonly beat: number;
  /** The node's clock at that heartbeat, in milliseconds since 1970. It shows how far the nodes' clocks are apart. */
  readonly clockMs: number;
}

/**
 * The node duty of an engine: it keeps heartbeats, by which nodes know of each other. They are written every few
 * hundred milliseconds, so they need not survive a power cut.
 */
export interface NodeDuty {
  /** Replaces this node's last heartbeat, of whichever incarnation. */
  beat(node: NodeRecord): Promise<void>;
  /** Resolves to the last heartbeat of every node that has not been forgotten, in no particular order. */
  nodes(): Promise<NodeRecord[]>;
  /** Forgets a node, unless it has another incarnation by now. It is no error if there is no such node. */
  forgetNode(nodeId: string, incarnation: string): Promise<void>;
}
