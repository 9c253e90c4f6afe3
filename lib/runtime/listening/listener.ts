import type { ListenHandler, ListenToOptions, OnConflict, OnFailure } from '../../kernel/declaring/index.js';
import type { ListenDefinition } from '../../kernel/defining/index.js';
import { type HeardSource, IN_CODE } from '../../kernel/framework/index.js';
import {
  disown,
  FRAMEWORK_EVENT_PREFIX,
  isThenable,
  OmniscientError,
  type StoredEvent,
} from '../../kernel/values/index.js';

/** A listener: a method with `@ListenTo`, or a function given to `listenTo`. */
export interface Listener {
  /** The name under which the stream records how far it has heard. */
  readonly name: string;
  readonly react: (actor: object, event: StoredEvent) => unknown;
  /** Only events of these names; all if absent. */
  readonly events: ReadonlySet<string> | undefined;
  readonly onFailure: OnFailure;
  readonly onConflict: OnConflict;
  /** Ends after this many reactions. */
  readonly count: number | undefined;
  /** Ends this long after it began. Milliseconds. */
  readonly forMs: number | undefined;
  /** Whether `listenTo` started it, so that it exists only as long as the activation. */
  readonly isInCode: boolean;
  /** Whether it still listens to this source, according to the current state. */
  readonly wants: (state: object, source: string) => boolean;
}

export function decorated(definition: ListenDefinition): Listener {
  return {
    name: definition.name,
    react: (actor, event) => definition.method.call(actor, event),
    events: definition.events,
    onFailure: definition.onFailure,
    onConflict: definition.onConflict,
    count: undefined,
    forMs: undefined,
    isInCode: false,
    wants: (state, source) => !definition.sources || sourcesOf(definition, state).includes(source),
  };
}

export function inCode(
  name: string,
  handler: ListenHandler,
  events: readonly string[] | undefined,
  { count, forMs, onConflict = 'rerun' }: ListenToOptions,
): Listener {
  return {
    name,
    react: (_actor, event) => handler(event),
    events: events && new Set(events),
    onFailure: 'park',
    onConflict,
    count,
    forMs,
    isInCode: true,
    wants: () => true,
  };
}

/** Whether a listener handles events of this name. No listener handles the framework's own events. */
export function hears(events: ReadonlySet<string> | undefined, name: string): boolean {
  return events ? events.has(name) : !name.startsWith(FRAMEWORK_EVENT_PREFIX);
}

/**
 * The streams that the state names, each once. @throws OmniscientError (`INVALID_LISTENER`) when the function returns
 * neither ids nor nothing.
 */
export function sourcesOf({ name, sources }: Pick<ListenDefinition, 'name' | 'sources'>, state: object): string[] {
  const named: unknown = sources?.(state);
  if (named === undefined || named === null) return [];
  if (typeof named === 'string') return [named];
  if (typeof (named as Partial<Iterable<string>>)[Symbol.iterator] !== 'function')
    throw wrongAnswer(name, 'the function that names streams', 'their ids', named);
  return [...new Set(named as Iterable<string>)];
}

/**
 * The id of the actor that an event concerns, not checked yet. @throws OmniscientError (`INVALID_LISTENER`); whatever
 * `to` throws.
 */
export function concernedBy(
  { name, to }: Pick<ListenDefinition, 'name' | 'to'>,
  event: StoredEvent,
): string | undefined {
  const id: unknown = to?.(event) ?? undefined;
  if (isThenable(id)) throw wrongAnswer(name, "'to'", 'an id', id);
  return id as string | undefined;
}

function wrongAnswer(name: string, what: string, wanted: string, answer: unknown): OmniscientError {
  disown(answer);
  const kind = isThenable(answer) ? 'a promise' : `a value of type ${typeof answer}`;
  const message = `@ListenTo of '${name}': ${what} must return ${wanted} synchronously, but returned ${kind}: keep what it needs in the state or the event`;
  return new OmniscientError('INVALID_LISTENER', message);
}

/** Whether its time has long been over: where nothing here hears it, the node on which a command began it is gone. */
export function isOrphaned({ listener, sinceMs, limits }: HeardSource, nowMs: number): boolean {
  if (!listener.startsWith(IN_CODE) || sinceMs === undefined || limits?.forMs === undefined) return false;
  return nowMs >= sinceMs + limits.forMs + ORPHAN_MS;
}

/** What a command began on a node that is gone is ended so long after its time: longer than clocks are apart. Milliseconds. */
const ORPHAN_MS = 24 * 3_600_000;
