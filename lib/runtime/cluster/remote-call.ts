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
  /** JSON, as `encodeArguments` makes it. */
  readonly args: string;
  /** Version up to which the caller knows the stream; nothing of this command is stored before that. */
  readonly since: number;
  /** The term in which it is to run: no other leadership takes it, also not a later one of the same node. Older nodes do not say. */
  readonly term?: number | undefined;
  /** It was sent before, in an earlier term, and nobody knows what became of it. */
  readonly again: boolean;
  /** The actors whose turns wait for this call. */
  readonly chain: readonly string[];
}

/** What came of a call. `version` is that of the stream when it was answered. */
export type Reply =
  | { readonly kind: 'answered'; readonly version: number; readonly answer?: string }
  | { readonly kind: 'failed'; readonly version: number; readonly error: string }
  /** It was not run there: that node does not lead, leaves, or has no such class, so that it can't lead. */
  | { readonly kind: 'refused'; readonly version: number; readonly leaving: boolean; readonly unregistered?: boolean };

/** No answer: the node died, did not answer in time, or shows no sign of life. The command may have been run. */
export type NoReply = { readonly kind: 'gone' | 'silent' | 'quiet' };

/** Runs a call that came from another node. Must not throw. */
export type CallServer = (call: RemoteCall) => Promise<Reply>;
