import type { ListenDefinition, Upcasts } from '../../kernel/defining/index.js';
import type { ActorListening } from '../listening/index.js';

/** What a dispatcher needs of the class that it serves. */
export interface DispatcherOwner {
  /** Name of the actor class. */
  readonly actorName: string;
  /** The listeners with `to`, which names the actor that an event concerns. */
  readonly listens: readonly ListenDefinition[];
  /** The class's upcasts for old events. */
  readonly upcasts: Upcasts;
  /** @throws InvalidIdError when no actor of the class can have this id. */
  checkId(id: unknown): void;
  /** Loads the actor of this id, and returns its listening role. */
  load(id: string): Promise<ActorListening>;
}
