import type { ListenDefinition } from '../../kernel/defining/listen-definition.js';
import type { Upcasts } from '../../kernel/defining/upcasts.js';
import type { ActorListening } from '../listening/actor-listening.js';

/** What the dispatcher needs of the class it serves. */
export interface DispatcherOwner {
  /** Name of the actor class. */
  readonly actorName: string;
  /** The listeners that say which actor an event concerns. */
  readonly listens: readonly ListenDefinition[];
  /** What it makes of old events. */
  readonly upcasts: Upcasts;
  /** @throws InvalidIdError when no actor of the class can be called this. */
  checkId(id: unknown): void;
  /** What the actor of this id listens to; loads it. */
  load(id: string): Promise<ActorListening>;
}
