import { type ActorBase, type ActorClass, marksOf, type OnFailure } from '../declaring/index.js';
import { EVENT_NAME_LENGTH_MAX, RegistrationError, type StoredEvent, shownText, textFault } from '../values/index.js';
import { defineActor, noteHandler } from './actor-definition.js';
import { assertName } from './option-checks.js';
import type { Upcasts } from './upcasts.js';

/**
 * Makes a class a projection. Its `@EventHandler`s get the events of the names that they handle, from all streams, one
 * at a time and in order, on one node at a time. It continues from its own checkpoint, which the engine stores. Add the
 * class to a module's `providers`.
 *
 * A handler gets the payload, the event and the checkpoint. It may be async. A handler that throws is tried again after
 * growing waits; then the event is parked.
 *
 * @param options are checked when the class is registered, which throws RegistrationError (`INVALID_OPTION`,
 *   `EMPTY_PROJECTION`, `DUPLICATE_PROJECTION`).
 * @example
 * ```ts
 * import { EventHandler, Projection, type ProjectionCheckpoint, type StoredEvent } from 'omniscient-nest';
 *
 * @Projection()
 * export class Visits {
 *   readonly byPage = new Map<string, number>();
 *   #position = 0;
 *
 *   // What is kept in memory begins with nothing in each process; a database would say how far it has come.
 *   loadCheckpoint() {
 *     return this.#position;
 *   }
 *
 *   @EventHandler('page_visited')
 *   visited(data: { page: string }, _event: StoredEvent, { position, isLate }: ProjectionCheckpoint) {
 *     this.byPage.set(data.page, (this.byPage.get(data.page) ?? 0) + 1);
 *     if (!isLate) this.#position = position;
 *   }
 * }
 * ```
 */
export function Projection(options: ProjectionOptions = {}) {
  return (projectionClass: abstract new (...args: never[]) => object): void => {
    projections.set(projectionClass, options);
  };
}

/** Options of `@Projection()`. */
export interface ProjectionOptions {
  /**
   * The projection's name in the engine, of 1 to 200 characters; unique in an application. Default: the name of the
   * class.
   */
  name?: string;
  /**
   * What happens to an event that fails too often. Default `'park'`: it is put aside. With `'stop'` the order stays
   * strict: no later event is handled until the failing one works.
   */
  onFailure?: OnFailure;
  /**
   * Actor classes whose `@Upcast`s convert old events, so that handlers see only today's form. Default: none, so
   * handlers see what is stored.
   */
  upcastsOf?: readonly ActorClass<ActorBase<object, object>>[];
}

/**
 * The position of the event that a projection's handler gets. Store `position` together with what you write, in one
 * transaction, and write nothing unless it is above the stored one. Then nothing takes effect twice, not even from a
 * node that was frozen and runs on beside its successor.
 */
export interface ProjectionCheckpoint {
  /** The event's position in the whole store. */
  readonly position: number;
  /** The read model to write: 1, and one more after each rebuild. */
  readonly generation: number;
  /**
   * The event was parked and is tried again now. Later events were handled before it, so neither compare `position` nor
   * store it.
   */
  readonly isLate: boolean;
}

/** Optional hooks of a projection class. */
export interface ProjectionHooks {
  /**
   * Returns how far this generation has come according to your own database; `undefined` if it does not know, which
   * means from the first event. Without this hook the engine's checkpoint counts.
   */
  loadCheckpoint?(generation: number): number | undefined | Promise<number | undefined>;
  /** A rebuild begins or continues. Create an empty read model for this generation unless there is one. */
  onRebuild?(generation: number): void | Promise<void>;
  /**
   * The rebuilt read model has caught up: serve it, and drop older ones. It is called again if a crash came right after
   * it. Ignore a call for an older generation than the one that serves; it comes from a node that was frozen.
   */
  onServe?(generation: number): void | Promise<void>;
}

export type ProjectionMethod = (data: unknown, event: StoredEvent, checkpoint: ProjectionCheckpoint) => unknown;

/** Everything that is known about a projection class. It is computed once. */
export interface ProjectionDefinition {
  readonly name: string;
  readonly onFailure: OnFailure;
  /** The names of its methods, by event. */
  readonly handlers: ReadonlyMap<string, string>;
  /** Upcasts for old events. The first that has one for an event's name counts. */
  readonly upcasts: readonly Upcasts[];
  /** The stored names of the events that it handles. */
  readonly names: readonly string[];
}

const projections = new WeakMap<object, ProjectionOptions>();

/** Whether the class is decorated, or extends a class that is. */
export function isProjection(projectionClass: unknown): boolean {
  return typeof projectionClass === 'function' && decoratedClassOf(projectionClass) !== undefined;
}

/**
 * The class that has the decorator: this one, or the nearest that it extends. A decorator above `@Projection()` may
 * have replaced the class with a subclass.
 */
function decoratedClassOf(projectionClass: object): { readonly name: string } | undefined {
  for (let c: object | null = projectionClass; c; c = Object.getPrototypeOf(c)) {
    if (projections.has(c)) return c as { readonly name: string };
  }
  return undefined;
}

/** A projection may handle the library's own events too. @throws RegistrationError (`INVALID_EVENT_NAME`). */
function assertHandled(projection: string, method: string, event: unknown): void {
  const fault = textFault(event, EVENT_NAME_LENGTH_MAX);
  if (fault === undefined) return;
  const message = `${projection}.${method} handles an event whose name ${shownText(event)} ${fault}`;
  throw new RegistrationError('INVALID_EVENT_NAME', message);
}

/** @throws RegistrationError that names the class and the fix. */
export function defineProjection(projectionClass: {
  readonly name: string;
  readonly prototype: object;
}): ProjectionDefinition {
  const decorated = decoratedClassOf(projectionClass) ?? projectionClass;
  const options = projections.get(decorated) ?? {};
  // The name of the decorated class counts: a subclass that replaced it may have any name, or none.
  const name = options.name ?? decorated.name;
  assertName(`${decorated.name}: @Projection()`, 'name', name);
  const handlers = new Map<string, string>();
  for (let p: object | null = projectionClass.prototype; p && p !== Object.prototype; p = Object.getPrototypeOf(p)) {
    for (const { event, method } of marksOf(p).handlers) {
      assertHandled(name, method, event);
      noteHandler(name, event, method, handlers);
    }
  }
  if (handlers.size > 0) {
    const upcasts = (options.upcastsOf ?? []).map((actorClass) => defineActor(actorClass).upcasts);
    const names = new Set(handlers.keys());
    for (const each of upcasts) for (const stored of each.leadingTo(handlers.keys())) names.add(stored);
    return { name, onFailure: options.onFailure ?? 'park', handlers, upcasts, names: [...names] };
  }
  throw new RegistrationError(
    'EMPTY_PROJECTION',
    `${name} is a @Projection without an @EventHandler, so it would get no events: add one`,
  );
}
