import type { CommandDefinition, ListenDefinition, Upcasts } from '../../kernel/defining/index.js';
import type { HeardNote, ListeningState } from '../../kernel/framework/index.js';
import type { NewEvent } from '../../kernel/values/index.js';
import type { Origin } from '../events/index.js';

/** What listening needs of its activation. */
export interface ListeningOwner {
  readonly label: string;
  /** Name of the actor class. */
  readonly actorName: string;
  readonly id: string;
  readonly actor: object;
  readonly alive: boolean;
  /** Whether the state contains all past events. */
  readonly loaded: boolean;
  readonly listens: readonly ListenDefinition[];
  /** Its upcasts for old events. */
  readonly upcasts: Upcasts;
  /** What is stored about its listening. */
  readonly listeningState: ListeningState;
  /** The state as the actor's own code sees it. */
  readonly view: object;
  /** Version of the last stored event that is in the state. */
  readonly version: number;
  /** Whether nothing waits, runs or is on its way to the engine. */
  readonly settled: boolean;
  /** Whether commands run on this node; `undefined` if they run wherever they are given. */
  readonly leads: boolean | undefined;
  /** Whether this node records what is listened to: it leads, or nobody does. */
  readonly mayRecord: boolean;
  /** Calls `gone` whenever the leader's node is gone. Returns a function that ends this. */
  onLeaderGone(gone: () => void): () => void;
  /** The newest event of a finished command that is not stored yet and for which this returns true. */
  findPending(holds: (event: NewEvent) => boolean): NewEvent | undefined;
  /** Events that are applied and not stored, oldest first, including those of the running turn. */
  unstored(): Iterable<NewEvent>;
  /** Whether the calling code is part of the running turn. */
  readonly inTurn: boolean;
  /** How many events the running turn has fired. */
  firedInTurn(): number;
  fireFramework(name: string, data: object): void;
  /** Adds this note to the metadata of the turn's next event; `undefined` removes it. */
  noteHeard(note: HeardNote | undefined): void;
  /** Runs it as a command of its own, on the node where commands run. */
  run(command: CommandDefinition, args: readonly unknown[], how: RunOptions): Promise<unknown>;
}

/** Options for running a command. */
export interface RunOptions {
  /** What caused it. */
  readonly cause?: Origin | undefined;
  readonly isStale?: () => boolean;
  readonly onExecuted?: () => void;
}
