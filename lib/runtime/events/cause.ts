/** Where a request comes from: the ids for the audit trail. */
export interface RequestCause {
  readonly commandId: string;
  readonly correlationId: string;
  readonly causationId: string | null;
  /** The turns that wait for this request, on whichever node, unless they are over; the outermost first. See `Turn.place`. */
  readonly chain: readonly string[];
  /** Its span, for what it fires and calls (W3C Trace Context); that of whoever made it, if nobody traces here. */
  readonly traceparent?: string | undefined;
}

/** What made a request that no turn made: an event that was heard, say. */
export interface Origin {
  /** The id of what it makes, where that is to be the same whenever it is made again. */
  readonly commandId?: string;
  /** `undefined` where what was heard does not say. */
  readonly correlationId: string | undefined;
  readonly causationId: string | null;
  /** The span that it belongs to. */
  readonly traceparent?: string | undefined;
}
