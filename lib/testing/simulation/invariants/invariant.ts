import type { ActorDefinition } from '../../../kernel/defining/index.js';
import type { EventRecord } from '../../../kernel/values/index.js';
import type { CommandRecord, Commands, SimulatedNode } from '../cluster/index.js';
import type { StoredCommit, World } from '../store/index.js';

/** What an invariant can check, and whom it tells that it is broken. */
export interface Watched {
  readonly world: World;
  readonly nodes: readonly SimulatedNode[];
  readonly commands: Commands;
  /** The actor classes of the first generation of the code, by name. */
  readonly definitions: ReadonlyMap<string, ActorDefinition>;
  /** When all faults had ended and clients had their answers. Milliseconds. */
  readonly quietSinceMs: number | undefined;
  newActor(definition: ActorDefinition): InstanceType<ActorDefinition['actorClass']>;
  fail(invariant: string, message: string, streams: readonly string[]): void;
}

/** A rule that must hold throughout. It is called right after something happened. */
export interface InvariantWatch {
  stored?(commit: StoredCommit): void;
  placed?(records: readonly EventRecord[]): void;
  /** A client learned how its command ended. */
  told?(record: CommandRecord): void;
  /** Called now and then, and at the end. */
  look?(): void;
  /** Called at the end: all faults have ended, and the promised time is over with nothing else happening. */
  end?(): void;
}

/** A named rule of the library. */
export interface BuiltInInvariant {
  readonly name: string;
  watch(watched: Watched, fail: (message: string, ...streams: string[]) => void): InvariantWatch;
}
