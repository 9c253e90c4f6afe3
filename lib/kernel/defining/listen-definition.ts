import type { ListenMark, OnConflict, OnFailure } from '../declaring/index.js';
import { eventNameFault, RegistrationError, type StoredEvent, shownText } from '../values/index.js';

/** A listener method, checked when its class was registered. */
export interface ListenDefinition {
  /** The method's name, under which the stream records how far it has heard. */
  readonly name: string;
  readonly method: ListenMethod;
  /** Names the streams from the state; absent for event names. */
  readonly sources?: (state: object) => string | readonly string[] | undefined;
  /** Only events of these names; all if absent. */
  readonly events?: ReadonlySet<string>;
  readonly to?: (event: StoredEvent) => string | undefined;
  readonly from?: number;
  readonly onFailure: OnFailure;
  readonly onConflict: OnConflict;
}

export type ListenMethod = (this: object, event: StoredEvent) => unknown;

/**
 * Checks what `@ListenTo` recorded.
 *
 * @throws RegistrationError that names the method and the fix.
 */
export function defineListen(actor: string, mark: ListenMark, method: ListenMethod): ListenDefinition {
  const where = `${actor}.${mark.method}: @ListenTo`;
  const { sources, events, to, from, onFailure, onConflict } = mark;
  if (!sources && !events) throw wrong(`${where} takes a function (state) => streamIds, or { events: ['name', …] }`);
  if (events !== undefined) assertNames(where, events);
  if (to !== undefined && (sources || typeof to !== 'function')) {
    throw wrong(
      `${where}({ events, to }): 'to' must be a function (event) => actorId, and works only with event names`,
    );
  }
  if (from !== undefined && !(Number.isSafeInteger(from) && from >= 0)) {
    throw wrong(`${where}: 'from' must be a version or position, a whole number from 0 on, but is ${String(from)}`);
  }
  if (onFailure !== 'park' && onFailure !== 'stop') {
    throw wrong(`${where}: 'onFailure' must be 'park' or 'stop', but is ${String(onFailure)}`);
  }
  if (!isOnConflict(onConflict)) {
    throw wrong(`${where}: 'onConflict' must be 'reapply', 'rerun' or 'reject', but is ${String(onConflict)}`);
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

/** Whether the value is an `OnConflict`. */
export function isOnConflict(value: unknown): value is OnConflict {
  return value === 'reapply' || value === 'rerun' || value === 'reject';
}

function assertNames(where: string, events: readonly unknown[]): void {
  if (!Array.isArray(events) || events.length === 0) {
    throw wrong(`${where}: 'events' must be a list of at least one event name, but is ${JSON.stringify(events)}`);
  }
  for (const name of events) {
    const fault = eventNameFault(name);
    if (fault !== undefined) throw wrong(`${where}: the event name ${shownText(name)} ${fault}`);
  }
}

function wrong(message: string): RegistrationError {
  return new RegistrationError('INVALID_LISTENER', message);
}
