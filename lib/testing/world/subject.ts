import type { ActorBase } from '../../kernel/declaring/actor.js';
import type { ActorDefinition } from '../../kernel/defining/actor-definition.js';
import type { ActorHandle } from '../../runtime/refs/actor-ref.js';

/** An actor class and an id, of an actor that the test has seen. */
export interface Subject {
  readonly definition: ActorDefinition;
  readonly id: string;
  readonly streamId: string;
}

export interface LoadedSubject extends Subject {
  readonly ref: ActorHandle<ActorBase<object, object>>;
  /** Its version when it was loaded. */
  readonly loadedVersion: number;
}
