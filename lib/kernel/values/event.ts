/** In metadata, where it stands last: that shows at the end of the text, so that events without it need not be parsed. */
export type HeardMetadata = readonly [listener: string, source: string, at: number];

/** Who did what, when and why: filled in for every event with no work by the user. It is the audit trail. */
export interface EventMetadata {
  /** ISO 8601 time at which the event was fired, by the clock of the node that fired it. */
  readonly at: string;
  /**
   * What that clock said, where `at` is later: a tick is never said to be earlier than the one before and the interval, also where its node's clock is behind
   * that of the node that fired the one before.
   */
  readonly clock?: string;
  /** Name of the actor class that fired it. */
  readonly actor: string;
  /** Which node, and which activation on it. */
  readonly firedBy: { readonly nodeId: string; readonly activationId: string };
  /** The command (one turn of the actor) that fired it; all events of one commit share it. */
  readonly commandId: string;
  /** The request or first command that everything with this id goes back to. */
  readonly correlationId: string;
  /** The command or event that directly led to this one; `null` when it came from outside. */
  readonly causationId: string | null;
  /** The span that fired it (W3C Trace Context); only there if somebody traced that. */
  readonly traceparent?: string;
  /** Of the first event that a reaction fired: which listener heard which source (empty for names), and up to which version of it (position, for names). */
  readonly heard?: HeardMetadata;
}

/** An event as stored: immutable, deep-frozen. */
export interface StoredEvent<Name extends string = string, Data = unknown> {
  readonly id: string;
  readonly streamId: string;
  /** Place in the stream: 1, 2, 3 …, no holes. */
  readonly version: number;
  /** Place in the whole store, on events read by `named$` and `all$`. Grows; a reader that resumes after one misses nothing. */
  readonly position?: number;
  readonly name: Name;
  readonly data: Data;
  readonly metadata: EventMetadata;
}

/** What a handler may know of the event beside its payload: only what can never change, so no version. */
export interface EventInfo<Name extends string = string> {
  readonly id: string;
  readonly streamId: string;
  readonly name: Name;
  readonly metadata: EventMetadata;
}

/**
 * An event on its way to an engine: payload and metadata are JSON text, made once, when it was fired.
 * Engines store both texts as they are.
 */
export interface NewEvent {
  readonly id: string;
  readonly name: string;
  readonly data: string;
  readonly metadata: string;
}

/** An event as an engine gives it back. `position` is 0 where the engine has not assigned one (yet) or was not asked. */
export interface EventRecord extends NewEvent {
  readonly streamId: string;
  readonly version: number;
  readonly position: number;
}

/** Names that begin with this are the framework's own events: stored in the stream, never passed to handlers. */
export const FRAMEWORK_EVENT_PREFIX = '$';

/** Longest event name, in UTF-16 code units. */
export const EVENT_NAME_LENGTH_MAX = 200;

/** Longest stream id (prefix included), in UTF-16 code units. */
export const STREAM_ID_LENGTH_MAX = 1_000;
