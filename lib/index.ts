export { Actor, type ActorBase, type ActorClass, type ActorDecorator, LiveActor } from './kernel/actor.js';
export { Clock, Ids } from './kernel/clock.js';
export { Command, EventHandler, type HandlerDecorator, type NamedHandlerDecorator } from './kernel/decorators.js';
export {
  ActorOverloadedError,
  CommitTimeoutError,
  ConflictError,
  DeadlockError,
  EngineError,
  HandlerError,
  InvalidIdError,
  OmniscientError,
  type OmniscientErrorOptions,
  PayloadError,
  RegistrationError,
  ShuttingDownError,
  StateReadOnlyError,
  TurnError,
  UnknownCommandError,
} from './kernel/errors.js';
export type { EventInfo, EventMetadata, StoredEvent } from './kernel/event.js';
export type { ActorOptions, CommandOptions, OnConflict } from './kernel/marks.js';
export type {
  CommandArguments,
  CommandName,
  CommandResult,
  CommandsOf,
  DeepReadonly,
  EventName,
  EventOf,
  EventsOf,
  HandlerOf,
  PayloadArgument,
  StateOf,
} from './kernel/types.js';
export { EventSourcingModule } from './nest/event-sourcing.module.js';
export { getActorToken, InjectActor } from './nest/injection.js';
export type { EventSourcingAsyncOptions, EventSourcingOptions, EventSourcingOptionsFactory } from './nest/options.js';
export type { ActorHandle, ActorRef } from './runtime/actor-ref.js';
export { ActorRepository } from './runtime/actor-repository.js';
export type { ReplayStep } from './runtime/replay.js';
export type { Log, RuntimeLimits } from './runtime/settings.js';
export { EventSubscriptions, type SubscriptionOptions } from './runtime/subscriptions.js';
