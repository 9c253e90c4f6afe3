import type { ActorDefinition } from '../../../kernel/defining/actor-definition.js';
import type { EventRecord } from '../../../kernel/values/event.js';
import type { CommandRecord, Commands } from '../cluster/commands.js';
import type { SimulatedNode } from '../cluster/simulated-node.js';
import type { StoredCommit } from '../store/simulated-store.js';
import type { World } from '../store/simulated-world.js';

/** What an invariant can look at, and whom it tells that it is broken. */
export interface Watched {
  readonly world: World;
  readonly nodes: readonly SimulatedNode[];
  readonly commands: Commands;
  /** The actor classes, by name; those of the first generation of the code. */
  readonly definitions: ReadonlyMap<string, ActorDefinition>;
  /** When faults ended and all was told to clients. Milliseconds. */
  readonly quietSinceMs: number | undefined;
  newActor(definition: ActorDefinition): InstanceType<ActorDefinition['actorClass']>;
  fail(invariant: string, message: string, streams: readonly string[]): void;
}

/** Something that must hold all through. What it hears of has just happened. */
export interface InvariantWatch {
  stored?(commit: StoredCommit): void;
  placed?(records: readonly EventRecord[]): void;
  /** A client was told how its command ended. */
  told?(record: CommandRecord): void;
  /** Now and then, and at the end. */
  look?(): void;
  /** Everything has healed, and the promised time is over; nothing else has happened in it. */
  end?(): void;
}

/** A named rule. */
export interface BuiltInInvariant {
  readonly name: string;
  watch(watched: Watched, fail: (message: string, ...streams: string[]) => void): InvariantWatch;
}
