export {
  Actor,
  ActorBase,
  type ActorClass,
  type ActorContext,
  type ActorDecorator,
  bindContext,
  contextOf,
  LiveActor,
  OneActor,
  TickActor,
} from './actor.js';
export { Command, EventHandler, type HandlerDecorator, type NamedHandlerDecorator } from './decorators.js';
export {
  type ListenOptions,
  ListenTo,
  type NamedListenDecorator,
  type NamedListenOptions,
  type StreamListenDecorator,
  type StreamListenOptions,
} from './listen-to.js';
export type { ListenHandler, Listening, ListenSource, ListenToOptions } from './listening.js';
export {
  type ActorOptions,
  type ArgumentSchemas,
  actorOptionsOf,
  type CommandOptions,
  type EventSchemas,
  type ListenMark,
  type MethodMarks,
  marksOf,
  type OnConflict,
  type OnFailure,
} from './marks.js';
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
} from './types.js';
