import type { Unwatch } from './follow.js';

/** Text from one node to another. */
export interface NodeMessage {
  /** The receiving node's id. */
  readonly to: string;
  readonly text: string;
}

/** How long a message is kept for a node that does not receive, in milliseconds; at least this, and not for ever. */
export const MESSAGE_KEPT_MS = 60_000;

/**
 * Messages between nodes, delivered within milliseconds, in the order in which a sender's calls were made one after another. A message may
 * come twice, and one may be lost when a connection breaks or nobody receives: whoever sends waits for an answer and sends again.
 */
export interface MessageDuty {
  /** Resolves when the messages are on their way; several of one call arrive in the order given. Also to a node that does not exist. */
  send(messages: readonly NodeMessage[]): Promise<void>;
  /** Gets what is sent to this node from now on, never from inside a call of `send`. `deliver` must not throw. One receiver a node. */
  receive(nodeId: string, deliver: (texts: readonly string[]) => void): Promise<Unwatch>;
}
