/**
 * Which event a listener had reached, as stored in metadata. It must be the last property: the end of the text then
 * shows whether it is there, so most metadata need not be parsed.
 */
export type HeardMetadata = readonly [listener: string, source: string, at: number];

/** Who did what, when and why. The library fills it in for every event: it is the audit trail. */
export interface EventMetadata {
  /** When the event was fired, as an ISO 8601 time, by the clock of the node that fired it. */
  readonly at: string;
  /**
   * What that clock showed, if `at` is later. A tick is never recorded earlier than its predecessor plus the interval,
   * even if the clock of its node is behind that of the previous node.
   */
  readonly clock?: string;
  /** The name of the actor class that fired it. */
  readonly actor: string;
  /** The node, and the activation on it. */
  readonly firedBy: { readonly nodeId: string; readonly activationId: string };
  /** The command that fired it. All events of one commit have the same. */
  readonly commandId: string;
  /** The request, or the first command, from which all events with this id originate. */
  readonly correlationId: string;
  /** The command or event that directly led to this one; `null` if it came from outside. */
  readonly causationId: string | null;
  /** The span that fired it (W3C Trace Context). It is present only if tracing was on. */
  readonly traceparent?: string;
  /**
   * On the first event of a reaction: the listener, its source (empty for event names), and the version in the source
   * (the position, for event names) that it has handled.
   */
  readonly heard?: HeardMetadata;
}

/** An event as stored: immutable, deep-frozen. */
export interface StoredEvent<Name extends string = string, Data = unknown> {
  readonly id: string;
  readonly streamId: string;
  /** The place in the stream: 1, 2, 3 …, without gaps. */
  readonly version: number;
  /**
   * The place in the whole store. Only events read by `named$` and `all$` have it. It grows; reading on after it misses
   * nothing.
   */
  readonly position?: number;
  readonly name: Name;
  readonly data: Data;
  readonly metadata: EventMetadata;
}

/**
 * What a handler may know of an event besides its payload. It contains only what can never change, so not the version.
 */
export interface EventInfo<Name extends string = string> {
  readonly id: string;
  readonly streamId: string;
  readonly name: Name;
  readonly metadata: EventMetadata;
}

/**
 * An event that is about to be stored. Payload and metadata are JSON texts, made once when it was fired. Engines store
 * both unchanged.
 */
export interface NewEvent {
  readonly id: string;
  readonly name: string;
  readonly data: string;
  readonly metadata: string;
}

/**
 * An event as an engine returns it. `position` is 0 if the engine has not assigned one yet, or was not asked for it.
 */
export interface EventRecord extends NewEvent {
  readonly streamId: string;
  readonly version: number;
  readonly position: number;
}

/**
 * Event names with this prefix belong to the framework. Such events are stored in the stream and never passed to
 * handlers.
 */
export const FRAMEWORK_EVENT_PREFIX = '$';

/** Longest event name, in UTF-16 code units. */
export const EVENT_NAME_LENGTH_MAX = 200;

/** Longest stream id (prefix included), in UTF-16 code units. */
export const STREAM_ID_LENGTH_MAX = 1_000;
