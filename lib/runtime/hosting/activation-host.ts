import type { ActorDefinition } from '../../kernel/defining/index.js';
import type { LeaderRole, RepeatedCommands } from '../leading/index.js';
import type { ActorListening } from '../listening/index.js';
import type { TickRole } from '../ticking/index.js';
import type { NodeParts } from './node-parts.js';

/** What an activation reports to the host that keeps it. */
export interface ActivationHost<Activation> {
  readonly definition: ActorDefinition;
  readonly parts: NodeParts;
  readonly roles: Roles<Activation>;
  /** Only calls made inside actors are still accepted. */
  readonly closing: boolean;
  /** It has work that callers wait for. */
  busy(activation: Activation): void;
  /** The confirmed state changed. */
  confirmed(activation: Activation): void;
  /** Its state is unusable, so it must end. */
  broke(activation: Activation, error: unknown): void;
  /** It has ended. Whoever asks for the id gets a new one. */
  gone(activation: Activation): void;
}

/** Creates the roles of an activation, each when it is first needed. */
export interface Roles<Activation> {
  /** For a `OneActor`: which node runs its commands. */
  leader(activation: Activation): LeaderRole;
  /** For a `TickActor`: how it ticks. */
  ticks(activation: Activation): TickRole;
  /** What it listens to. */
  listening(activation: Activation): ActorListening;
  /** What it knows about repeated commands. */
  repeats(activation: Activation): RepeatedCommands;
}

/** An observer of an activation: a subscription, for instance. */
export interface ActivationObserver {
  changed(): void;
  ended(error: unknown): void;
}
