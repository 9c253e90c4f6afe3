export {
  Actor,
  type ActorBase,
  type ActorClass,
  type ActorDecorator,
  LiveActor,
  OneActor,
  TickActor,
} from './kernel/declaring/actor.js';
export {
  Command,
  EventHandler,
  type HandlerDecorator,
  type NamedHandlerDecorator,
} from './kernel/declaring/decorators.js';
export {
  type ListenOptions,
  ListenTo,
  type NamedListenDecorator,
  type NamedListenOptions,
  type StreamListenDecorator,
  type StreamListenOptions,
} from './kernel/declaring/listen-to.js';
export type { ListenHandler, Listening, ListenSource, ListenToOptions } from './kernel/declaring/listening.js';
export type {
  ActorOptions,
  ArgumentSchemas,
  CommandOptions,
  EventSchemas,
  OnConflict,
  OnFailure,
} from './kernel/declaring/marks.js';
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
} from './kernel/declaring/types.js';
export {
  Projection,
  type ProjectionCheckpoint,
  type ProjectionHooks,
  type ProjectionOptions,
} from './kernel/defining/projection.js';
export { type Renaming, Upcast, type UpcastDecorator, type UpcastOf } from './kernel/defining/upcast-decorator.js';
export type { Tick, TickEvents, TickOptions } from './kernel/framework/framework-events.js';
export { Clock, Ids } from './kernel/values/clock.js';
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
} from './kernel/values/errors.js';
export type { EventInfo, EventMetadata, StoredEvent } from './kernel/values/event.js';
export type {
  SchemaOutput,
  StandardIssue,
  StandardResult,
  StandardSchema,
} from './kernel/values/standard-schema.js';
export type { StoredFailure } from './kernel/values/thrown.js';
export { EventSourcingModule } from './nest/event-sourcing.module.js';
export { EventSourcingHealth, type EventSourcingHealthResult, type HealthLimits } from './nest/health.js';
export { getActorToken, InjectActor } from './nest/injection.js';
export type { EventSourcingAsyncOptions, EventSourcingOptions, EventSourcingOptionsFactory } from './nest/options.js';
export type { ErrorClass } from './runtime/cluster/error-codec.js';
export { type ParkedEvent, ParkedEvents } from './runtime/delivery/parked-events.js';
export { withCorrelation } from './runtime/events/origin.js';
export type { LeaderTask } from './runtime/leading/candidacy.js';
export { LeaderElection } from './runtime/leading/leader-election.js';
export type { NodeHealth } from './runtime/node/health.js';
export type { Log, RuntimeLimits } from './runtime/parts/settings.js';
export { type ProjectionProgress, Projections } from './runtime/projecting/projections.js';
export type { ActorHandle, ActorRef, LedHandle } from './runtime/refs/actor-ref.js';
export { ActorRepository } from './runtime/refs/actor-repository.js';
export type { ReplayStep } from './runtime/refs/replay.js';
export { AuditTrail } from './runtime/subscribing/audit-trail.js';
export { EventStream } from './runtime/subscribing/event-stream.js';
export { EventSubscriptions, type SubscriptionOptions } from './runtime/subscribing/subscriptions.js';
