import type { ActorDefinition } from '../kernel/definition.js';
import type { Activation } from './activation.js';
import type { NodeParts } from './node-parts.js';

/** What an activation reports to the host that keeps it. */
export interface ActivationHost {
  readonly definition: ActorDefinition;
  readonly parts: NodeParts;
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

/** Somebody who looks at an activation: a subscription. */
export interface ActivationObserver {
  changed(): void;
  ended(error: unknown): void;
}
