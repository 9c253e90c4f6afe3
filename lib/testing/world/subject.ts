import type { ActorBase } from '../../kernel/declaring/index.js';
import type { ActorDefinition } from '../../kernel/defining/index.js';
import type { ActorHandle } from '../../runtime/refs/index.js';

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
