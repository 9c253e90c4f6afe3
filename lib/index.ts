export {
  Actor,
  type ActorBase,
  type ActorClass,
  type ActorDecorator,
  LiveActor,
  OneActor,
  TickActor,
} from './kernel/actor.js';
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
  SchemaError,
  type SchemaIssue,
  ShuttingDownError,
  StateReadOnlyError,
  TurnError,
  UnknownCommandError,
} from './kernel/errors.js';
export type { EventInfo, EventMetadata, StoredEvent } from './kernel/event.js';
export type { Tick, TickEvents, TickOptions } from './kernel/framework-events.js';
export {
  type ListenOptions,
  ListenTo,
  type NamedListenDecorator,
  type NamedListenOptions,
  type StreamListenDecorator,
  type StreamListenOptions,
} from './kernel/listen-to.js';
export type { ListenHandler, Listening, ListenSource, ListenToOptions } from './kernel/listening.js';
export type {
  ActorOptions,
  ArgumentSchemas,
  CommandOptions,
  EventSchemas,
  OnConflict,
  OnFailure,
} from './kernel/marks.js';
export {
  Projection,
  type ProjectionCheckpoint,
  type ProjectionHooks,
  type ProjectionOptions,
} from './kernel/projection.js';
export type {
  SchemaOutput,
  StandardIssue,
  StandardResult,
  StandardSchema,
} from './kernel/standard-schema.js';
export type { StoredFailure } from './kernel/thrown.js';
export type {
  CommandArguments,
  CommandName,
  CommandOf,
  CommandResult,
  CommandsOf,
  DeepReadonly,
  EventName,
  EventOf,
  EventsOf,
  FiredName,
  HandlerOf,
  Heard,
  IsOne,
  PayloadArgument,
  SchemasFit,
  StateOf,
} from './kernel/types.js';
export { type Renaming, Upcast, type UpcastDecorator, type UpcastOf } from './kernel/upcast-decorator.js';
export { EventSourcingModule } from './nest/event-sourcing.module.js';
export { EventSourcingHealth, type EventSourcingHealthResult, type HealthLimits } from './nest/health.js';
export { getActorToken, InjectActor } from './nest/injection.js';
export type { EventSourcingAsyncOptions, EventSourcingOptions, EventSourcingOptionsFactory } from './nest/options.js';
export type { ActorHandle, ActorRef, LedHandle } from './runtime/actor-ref.js';
export { ActorRepository } from './runtime/actor-repository.js';
export { AuditTrail } from './runtime/audit-trail.js';
export type { LeaderTask } from './runtime/cluster/candidacy.js';
export type { ErrorClass } from './runtime/cluster/error-codec.js';
export { LeaderElection } from './runtime/cluster/leader-election.js';
export { EventStream } from './runtime/event-stream.js';
export type { NodeHealth } from './runtime/health.js';
export { withCorrelation } from './runtime/origin.js';
export { type ParkedEvent, ParkedEvents } from './runtime/parked-events.js';
export { type ProjectionProgress, Projections } from './runtime/projections/projections.js';
export type { ReplayStep } from './runtime/replay.js';
export type { Log, RuntimeLimits } from './runtime/settings.js';
export { EventSubscriptions, type SubscriptionOptions } from './runtime/subscriptions.js';
