import type { ActorBase } from '../kernel/actor.js';
import type { ActorDefinition } from '../kernel/definition.js';
import type { ActorHandle } from '../runtime/actor-ref.js';

/** An actor class and an id whose actor the test has seen. */
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
