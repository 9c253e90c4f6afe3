import type { ActorBase } from '../declaring/index.js';
import type { ActorDefinition } from '../defining/index.js';
import { type EventEffect, frameworkEffectOf } from '../framework/index.js';
import { StateTree } from '../state/index.js';
import {
  disown,
  type EventInfo,
  type EventMetadata,
  type EventRecord,
  HandlerError,
  isThenable,
  type NewEvent,
  OmniscientError,
} from '../values/index.js';

/** The fold: an actor's state, changed only by its event handlers. */
export class ActorState {
  tree: StateTree;
  readonly definition: ActorDefinition;
  readonly #actor: ActorBase<object, object>;
  readonly #streamId: string;
  readonly #skipped: SkippedEvents | undefined;

  constructor(
    definition: ActorDefinition,
    actor: ActorBase<object, object>,
    streamId: string,
    skipped?: SkippedEvents,
  ) {
    this.definition = definition;
    this.#skipped = skipped;
    this.#actor = actor;
    this.#streamId = streamId;
    this.tree = new StateTree(actor.initialState());
  }

  /** Continues from a snapshot's state. */
  restore(state: unknown): void {
    this.tree = new StateTree(state);
  }

  /** What other writers' events change for this class; `undefined` if they cannot invalidate any earlier decision. */
  effectOf(others: readonly NewEvent[]): EventEffect | undefined {
    const { handlers, hears, name } = this.definition;
    let effect: EventEffect | undefined;
    for (const event of others) {
      if (handlers.has(event.name)) return 'state';
      this.#skipped?.skipped(event.name, name, this.#streamId);
      const each = frameworkEffectOf(event, name, hears);
      if (each === 'state') return each;
      effect ??= each;
    }
    return effect;
  }

  /**
   * Applies one event. It does nothing if the class has no handler for it. The handler gets a payload that was parsed
   * for it alone, so it sees the same live and on replay. `version` is only for the error; 0 means that the event is
   * not stored yet.
   *
   * @throws HandlerError; the state is then as before, if the change was undoable.
   */
  apply(event: NewEvent, version: number, undoable: boolean): void {
    const handler = this.definition.handlers.get(event.name);
    if (!handler) {
      if (version > 0) this.#skipped?.skipped(event.name, this.definition.name, this.#streamId);
      return;
    }
    const data = parsePayload(event, this.#streamId, version);
    try {
      this.tree.change(() => {
        const answer = handler.call(this.#actor, data, new LazyInfo(event, this.#streamId));
        if (isThenable(answer)) refusePromise(answer);
      }, undoable);
    } catch (error) {
      throw new HandlerError(
        { actor: this.definition.name, streamId: this.#streamId, event: event.name, version },
        error,
      );
    }
  }
}

/** Gets notice of events that a class has no handler for. */
export interface SkippedEvents {
  skipped(event: string, actor: string, streamId: string): void;
}

/** Parses metadata only when a handler reads it, which few do. */
class LazyInfo implements EventInfo {
  readonly id: string;
  readonly name: string;
  readonly streamId: string;
  readonly #text: string;

  constructor(event: NewEvent, streamId: string) {
    this.id = event.id;
    this.name = event.name;
    this.streamId = streamId;
    this.#text = event.metadata;
  }

  get metadata(): EventMetadata {
    return JSON.parse(this.#text) as EventMetadata;
  }
}

function parsePayload(event: NewEvent | EventRecord, streamId: string, version: number): unknown {
  try {
    return JSON.parse(event.data);
  } catch (cause) {
    throw new OmniscientError(
      'EVENT_UNREADABLE',
      `event ${version} of stream '${streamId}' ('${event.name}') is no longer valid JSON in the store: restore it from a backup`,
      { cause },
    );
  }
}

function refusePromise(answer: unknown): never {
  disown(answer);
  throw new TypeError(
    'an event handler must be synchronous, but this one returned a promise: move the asynchronous work to a command',
  );
}
