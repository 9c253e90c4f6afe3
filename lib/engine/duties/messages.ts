import type { Unwatch } from './follow.js';

/** A text for another node. */
export interface NodeMessage {
  /** The receiving node's id. */
  readonly to: string;
  readonly text: string;
}

/**
 * How long the engine keeps a message for a node that does not receive, at least. Milliseconds. It does not keep it for
 * ever.
 */
export const MESSAGE_KEPT_MS = 60_000;

/**
 * The message duty of an engine: messages between nodes, delivered within milliseconds, in the order in which a sender
 * made its calls one after the other. A message may come twice. It may be lost when a connection breaks or nobody
 * receives, so the sender waits for an answer and sends again.
 */
export interface MessageDuty {
  /**
   * Sends messages, also to a node that does not exist. Those of one call arrive in the order given. Resolves when the
   * messages are on their way.
   *
   * @throws EngineError.
   */
  send(messages: readonly NodeMessage[]): Promise<void>;
  /**
   * Delivers what is sent to this node from now on, never from inside a call of `send`. `deliver` must not throw. A
   * node has one receiver.
   *
   * @throws EngineError.
   */
  receive(nodeId: string, deliver: (texts: readonly string[]) => void): Promise<Unwatch>;
}
