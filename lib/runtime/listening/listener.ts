import type { StoredEvent } from '../../kernel/event.js';
import { FRAMEWORK_EVENT_PREFIX } from '../../kernel/event.js';
import type { ListenDefinition } from '../../kernel/listen-definition.js';
import type { ListenHandler, ListenToOptions } from '../../kernel/listening.js';
import type { OnConflict, OnFailure } from '../../kernel/marks.js';

/** Something that reacts: a method marked with `@ListenTo`, or a function given to `listenTo`. */
export interface Listener {
  /** By it the stream remembers how far it has heard. */
  readonly name: string;
  readonly react: (actor: object, event: StoredEvent) => unknown;
  /** Only these; all if absent. */
  readonly events: ReadonlySet<string> | undefined;
  readonly onFailure: OnFailure;
  readonly onConflict: OnConflict;
  /** Ends after so many reactions. */
  readonly count: number | undefined;
  /** Ends so long after it began. Milliseconds. */
  readonly forMs: number | undefined;
  /** Set in code, so that it is there only as long as the activation. */
  readonly isInCode: boolean;
  /** Whether it still listens to this source, by what the state says now. */
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

/** Whether an event of this name is one that a listener hears: the framework's own are not. */
export function hears(events: ReadonlySet<string> | undefined, name: string): boolean {
  return events ? events.has(name) : !name.startsWith(FRAMEWORK_EVENT_PREFIX);
}

/** The streams that the state names, each once. */
export function sourcesOf({ sources }: Pick<ListenDefinition, 'sources'>, state: object): string[] {
  const named = sources?.(state);
  if (named === undefined || named === null) return [];
  return typeof named === 'string' ? [named] : [...new Set(named)];
}
