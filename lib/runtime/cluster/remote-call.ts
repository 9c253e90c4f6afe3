/** A command on its way to the leader. */
export interface RemoteCall {
  readonly commandId: string;
  readonly correlationId: string;
  readonly causationId: string | null;
  /** The span that it belongs to (W3C Trace Context). */
  readonly traceparent?: string | undefined;
  /** Name of the actor class, and the id. */
  readonly actor: string;
  readonly id: string;
  readonly command: string;
  /** JSON, as `encodeArguments` returns it. */
  readonly args: string;
  /** The version up to which the caller knows the stream. Nothing of this command is stored before it. */
  readonly since: number;
  /**
   * The term in which it must run. No other leadership accepts it, not even a later one of the same node. Older nodes
   * do not send it.
   */
  readonly term?: number | undefined;
  /** Whether it was sent before, in an earlier term, with an unknown outcome. */
  readonly again: boolean;
  /** The actors whose turns wait for this call. */
  readonly chain: readonly string[];
}

/** The outcome of a call. `version` is the stream's version when it was answered. */
export type Reply =
  | { readonly kind: 'answered'; readonly version: number; readonly answer?: string }
  | { readonly kind: 'failed'; readonly version: number; readonly error: string }
  /** It did not run there: that node does not lead, is leaving, or lacks the class and so cannot lead. */
  | { readonly kind: 'refused'; readonly version: number; readonly leaving: boolean; readonly unregistered?: boolean };

/** There was no answer: the node died, did not answer in time, or shows no sign of life. The command may have run. */
export type NoReply = { readonly kind: 'gone' | 'silent' | 'quiet' };

/** Runs a call from another node. It must not throw. */
export type CallServer = (call: RemoteCall) => Promise<Reply>;
