import type { ActorDefinition } from '../../kernel/defining/actor-definition.js';
import type { LeaderRole } from '../leading/leader-role.js';
import type { RepeatedCommands } from '../leading/repeated-commands.js';
import type { ActorListening } from '../listening/actor-listening.js';
import type { TickRole } from '../ticking/tick-role.js';
import type { NodeParts } from './node-parts.js';

/** What an activation reports to the host that keeps it. */
export interface ActivationHost<Activation> {
  readonly definition: ActorDefinition;
  readonly parts: NodeParts;
  readonly roles: Roles<Activation>;
  /** Only calls made inside actors are still taken. */
  readonly closing: boolean;
  /** It has work whose callers wait. */
  busy(activation: Activation): void;
  /** The confirmed state moved on. */
  confirmed(activation: Activation): void;
  /** Its state is worthless: it has to be ended. */
  broke(activation: Activation, error: unknown): void;
  /** It is of no more use; whoever asks for the id gets a new one. */
  gone(activation: Activation): void;
}

/** Makes what is special to a kind of actor, each when an activation first needs it. */
export interface Roles<Activation> {
  /** Who runs its commands: of a `OneActor`. */
  leader(activation: Activation): LeaderRole;
  /** How it ticks: of a `TickActor`. */
  ticks(activation: Activation): TickRole;
  /** What it listens to. */
  listening(activation: Activation): ActorListening;
  /** What it knows of commands that come again. */
  repeats(activation: Activation): RepeatedCommands;
}

/** Somebody who looks at an activation: a subscription. */
export interface ActivationObserver {
  changed(): void;
  ended(error: unknown): void;
}
