import type { ListenMark, OnConflict, OnFailure } from '../declaring/marks.js';
import { RegistrationError } from '../values/errors.js';
import type { StoredEvent } from '../values/event.js';
import { eventNameFault } from '../values/ids.js';
import { shownText } from '../values/text.js';

/** A listening method, as it is known once its class registered. */
export interface ListenDefinition {
  /** The method's name: by it the stream remembers how far it has heard. */
  readonly name: string;
  readonly method: ListenMethod;
  /** The streams, by what the state says; absent where it listens to names. */
  readonly sources?: (state: object) => string | readonly string[] | undefined;
  /** Only these; all if absent. */
  readonly events?: ReadonlySet<string>;
  readonly to?: (event: StoredEvent) => string | undefined;
  readonly from?: number;
  readonly onFailure: OnFailure;
  readonly onConflict: OnConflict;
}

export type ListenMethod = (this: object, event: StoredEvent) => unknown;

/**
 * Checks what `@ListenTo` wrote down.
 *
 * @throws RegistrationError that names the method and the fix.
 */
export function defineListen(actor: string, mark: ListenMark, method: ListenMethod): ListenDefinition {
  const where = `${actor}.${mark.method}: @ListenTo`;
  const { sources, events, to, from, onFailure, onConflict } = mark;
  if (!sources && !events) throw wrong(`${where} takes a function (state) => streamIds, or { events: ['name', …] }`);
  if (events !== undefined) assertNames(where, events);
  if (to !== undefined && (sources || typeof to !== 'function')) {
    throw wrong(`${where}({ events, to }): 'to' is a function (event) => actorId, and goes with names only`);
  }
  if (from !== undefined && !(Number.isSafeInteger(from) && from >= 0)) {
    throw wrong(`${where}: 'from' is a version or position, a whole number from 0 on, but got ${String(from)}`);
  }
  if (onFailure !== 'park' && onFailure !== 'stop') {
    throw wrong(`${where}: 'onFailure' is 'park' or 'stop', but got ${String(onFailure)}`);
  }
  if (!isOnConflict(onConflict)) {
    throw wrong(`${where}: 'onConflict' is 'reapply', 'rerun' or 'reject', but got ${String(onConflict)}`);
  }
  return {
    name: mark.method,
    method,
    onFailure,
    onConflict,
    ...(sources && { sources: sources as NonNullable<ListenDefinition['sources']> }),
    ...(events && { events: new Set(events) }),
    ...(to && { to: to as NonNullable<ListenDefinition['to']> }),
    ...(from !== undefined && { from }),
  };
}

/** Whether it is one. */
export function isOnConflict(value: unknown): value is OnConflict {
  return value === 'reapply' || value === 'rerun' || value === 'reject';
}

function assertNames(where: string, events: readonly unknown[]): void {
  if (!Array.isArray(events) || events.length === 0) {
    throw wrong(`${where}: 'events' is a list of at least one event name, but got ${JSON.stringify(events)}`);
  }
  for (const name of events) {
    const fault = eventNameFault(name);
    if (fault !== undefined) throw wrong(`${where}: the event name ${shownText(name)} ${fault}`);
  }
}

function wrong(message: string): RegistrationError {
  return new RegistrationError('INVALID_LISTENER', message);
}
