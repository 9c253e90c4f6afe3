/** What the engine keeps of a node: its last heartbeat. */
export interface NodeRecord {
  readonly nodeId: string;
  /** Which start of the node: two processes that use one id at the same time are found out by it. */
  readonly incarnation: string;
  /** Grows with every heartbeat. Only that it changes means something. */
  readonly beat: number;
  /** The node's clock at that heartbeat, in milliseconds since 1970: shows how far clocks are apart. */
  readonly clockMs: number;
}

/** Heartbeats: how nodes know of each other. Written every few hundred milliseconds, so they need not survive a power cut. */
export interface NodeDuty {
  /** Writes this node's heartbeat over its last one, of whichever incarnation. */
  beat(node: NodeRecord): Promise<void>;
  /** The last heartbeat of every node that has not been forgotten, in no order. */
  nodes(): Promise<NodeRecord[]>;
  /** Forgets a node, unless it has another incarnation by now. Not an error if there is none. */
  forgetNode(nodeId: string, incarnation: string): Promise<void>;
}
