import type { ActorBase, ActorClass } from '../declaring/actor.js';
import { marksOf, type OnFailure } from '../declaring/marks.js';
import { RegistrationError } from '../values/errors.js';
import { EVENT_NAME_LENGTH_MAX, type StoredEvent } from '../values/event.js';
import { shownText, textFault } from '../values/text.js';
import { defineActor, noteHandler } from './actor-definition.js';
import { assertName } from './option-checks.js';
import type { Upcasts } from './upcasts.js';

/**
 * Makes a class a projection: its `@EventHandler`s get the events of the names that they handle, from all streams, in order, one at a time, on one node at a
 * time; from its own checkpoint, which the engine keeps. Put it among a module's `providers`. A handler gets the payload, the event and the checkpoint,
 * may be async, and is tried again when it throws.
 *
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

/** What `@Projection()` takes. */
export interface ProjectionOptions {
  /** Its name in the engine; unique in an application. Default: the class's name. */
  name?: string;
  /** Default `'park'`. `'stop'` keeps the order strict: nothing later is handled before the failing event was. */
  onFailure?: OnFailure;
  /** Actor classes whose `@Upcast`s say what old events mean, so that handlers see only today's. Default: none; handlers see what is stored. */
  upcastsOf?: readonly ActorClass<ActorBase<object, object>>[];
}

/**
 * How far a projection has come with the event that it is given. Store `position` with what you write, in one transaction, and write nothing where it is not
 * above the one that is there: then nothing is ever done twice, not even by a node that was frozen and goes on beside the one that took over.
 */
export interface ProjectionCheckpoint {
  /** Position of the event in the whole store. */
  readonly position: number;
  /** Which read model is written: 1, and one more with each rebuild. */
  readonly generation: number;
  /** The event was parked and is tried again now: later ones came before it, so that `position` is not to be compared, nor stored. */
  readonly isLate: boolean;
}

/** What a projection class may have beside its handlers. */
export interface ProjectionHooks {
  /** How far your own database says that this generation has come; `undefined` if it does not know. Without it the engine's checkpoint counts. */
  loadCheckpoint?(generation: number): number | undefined | Promise<number | undefined>;
  /** A rebuild begins, or goes on: makes an empty read model for this generation unless there is one. */
  onRebuild?(generation: number): void | Promise<void>;
  /**
   * The rebuilt one has caught up: serve it, and drop those before. It is called again if a crash came right after it; one that is called for an older
   * generation than the one that serves (by a node that was frozen) has nothing to do.
   */
  onServe?(generation: number): void | Promise<void>;
}

export type ProjectionMethod = (data: unknown, event: StoredEvent, checkpoint: ProjectionCheckpoint) => unknown;

/** Everything there is to know of a projection class, worked out once. */
export interface ProjectionDefinition {
  readonly name: string;
  readonly onFailure: OnFailure;
  /** Names of its methods by event. */
  readonly handlers: ReadonlyMap<string, string>;
  /** What old events mean; the first that knows a name counts. */
  readonly upcasts: readonly Upcasts[];
  /** Names under which what it handles is stored. */
  readonly names: readonly string[];
}

const projections = new WeakMap<object, ProjectionOptions>();

/** Whether it is decorated, or extends a class that is. */
export function isProjection(projectionClass: unknown): boolean {
  return typeof projectionClass === 'function' && decoratedClassOf(projectionClass) !== undefined;
}

/** The class that bears the decorator: this one, or the nearest that it extends. A decorator above `@Projection()` may have put a class of its own before it. */
function decoratedClassOf(projectionClass: object): { readonly name: string } | undefined {
  for (let c: object | null = projectionClass; c; c = Object.getPrototypeOf(c)) {
    if (projections.has(c)) return c as { readonly name: string };
  }
  return undefined;
}

/** The library's own events too: a projection may follow them. @throws RegistrationError (`INVALID_EVENT_NAME`). */
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
  // The decorated class's: what was put before it may be called anything, or nothing.
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
    `${name} is a @Projection without an @EventHandler: it would never hear of anything`,
  );
}
