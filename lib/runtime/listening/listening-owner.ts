import type { CommandDefinition } from '../../kernel/defining/actor-definition.js';
import type { ListenDefinition } from '../../kernel/defining/listen-definition.js';
import type { Upcasts } from '../../kernel/defining/upcasts.js';
import type { HeardNote } from '../../kernel/framework/heard-note.js';
import type { ListeningState } from '../../kernel/framework/listening-state.js';
import type { NewEvent } from '../../kernel/values/event.js';
import type { Origin } from '../events/cause.js';

/** What listening needs of the activation it belongs to. */
export interface ListeningOwner {
  readonly label: string;
  /** Name of the actor class. */
  readonly actorName: string;
  readonly id: string;
  readonly actor: object;
  readonly alive: boolean;
  /** Whether its past is in the state. */
  readonly loaded: boolean;
  readonly listens: readonly ListenDefinition[];
  /** What it makes of old events. */
  readonly upcasts: Upcasts;
  /** What is stored of what it has heard. */
  readonly listeningState: ListeningState;
  /** What an actor sees of its state now. */
  readonly view: object;
  /** Version of the last stored event that is in the state. */
  readonly version: number;
  /** Whether nothing waits, runs or is on its way to the engine. */
  readonly settled: boolean;
  /** Whether commands run on this node; `undefined` if they run wherever they are given. */
  readonly leads: boolean | undefined;
  /** Whether it is this node's to write down what is listened to: it leads, or nobody does. */
  readonly mayRecord: boolean;
  /** Calls `gone` whenever the node that leads is gone. Returns a function that ends that. */
  onLeaderGone(gone: () => void): () => void;
  /** The newest event of a finished command that is not stored yet for which this holds. */
  findPending(holds: (event: NewEvent) => boolean): NewEvent | undefined;
  /** Events that are applied and not stored, oldest first; those of the turn that runs included. */
  unstored(): Iterable<NewEvent>;
  /** Whether the calling code is part of the turn that runs. */
  readonly inTurn: boolean;
  /** How many events the turn that runs has fired. */
  firedInTurn(): number;
  fireFramework(name: string, data: object): void;
  /** The next event that the turn fires says so in its metadata; `undefined` takes that back. */
  noteHeard(note: HeardNote | undefined): void;
  /** Runs it as a command of its own, wherever commands run. */
  run(command: CommandDefinition, args: readonly unknown[], how: RunOptions): Promise<unknown>;
}

/** How a command of listening is run. */
export interface RunOptions {
  /** What made it run. */
  readonly cause?: Origin | undefined;
  readonly isStale?: () => boolean;
  readonly onExecuted?: () => void;
}
