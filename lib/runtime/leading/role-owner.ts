import type { ActorDefinition, CommandDefinition } from '../../kernel/defining/index.js';
import type { FrameworkState } from '../../kernel/framework/index.js';
import type { NewEvent } from '../../kernel/values/index.js';
import type { Request } from '../commit/index.js';
import type { RequestCause } from '../events/index.js';

/** What the role needs of its activation. */
export interface RoleOwner {
  readonly label: string;
  readonly id: string;
  readonly streamId: string;
  readonly definition: ActorDefinition;
  readonly framework: FrameworkState;
  /** Version of the last stored event that is in the state. */
  readonly version: number;
  /** The events that are applied and not yet stored. */
  unstored(): Iterable<NewEvent>;
  /** @throws ActorOverloadedError when the mailbox is full. */
  assertRoom(): void;
  /** @throws DeadlockError when the running turn waits for this call. */
  assertNoCircle(cause: RequestCause): void;
  /** Puts a command into the mailbox. `onEvicted` is called if it has to run elsewhere. */
  enqueueCommand(
    command: CommandDefinition,
    args: readonly unknown[],
    cause: RequestCause,
    options: EnqueueOptions,
  ): Request;
  /** A command of the class, or one of the framework's own. */
  commandNamed(name: string): CommandDefinition | undefined;
  /** Stores the answer with the running turn's events, if it may be needed later. */
  recordAnswer(answer: unknown): void;
  /** Fires a framework event as a command of its own. */
  storeFrameworkEvent(name: string, data: object): Promise<unknown>;
  /** Resolves when the state has reached this version, or after `withinMs` milliseconds. */
  reached(version: number, withinMs: number): Promise<void>;
  runOnActivate(): Promise<void>;
}

/** Options for putting a command into the mailbox: see `Request`. */
export type EnqueueOptions = Partial<Pick<Request, 'onEvicted' | 'recorded' | 'isStale' | 'onExecuted' | 'trace'>>;
