/** The cause of a request: the ids for the audit trail. */
export interface RequestCause {
  readonly commandId: string;
  readonly correlationId: string;
  readonly causationId: string | null;
  /** The turns that wait for this request, on any node, unless they are over; the outermost first. See `Turn.place`. */
  readonly chain: readonly string[];
  /** Its span, for its events and calls (W3C Trace Context). It is the caller's span if nobody traces here. */
  readonly traceparent?: string | undefined;
}

/** The cause of a request that was made by no turn: an event that a listener got, for instance. */
export interface Origin {
  /** The id of the request, if it must be the same whenever the request is made again. */
  readonly commandId?: string;
  /** `undefined` if the event has none. */
  readonly correlationId: string | undefined;
  readonly causationId: string | null;
  /** The span that it belongs to. */
  readonly traceparent?: string | undefined;
}
