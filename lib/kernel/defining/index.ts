export {
  type ActorDefinition,
  type ActorKind,
  type CommandDefinition,
  type CommandMethod,
  defineActor,
} from './actor-definition.js';
export { isOnConflict, type ListenDefinition } from './listen-definition.js';
export {
  assertName,
  assertNumber,
  COUNT,
  COUNT_OR_NONE,
  NAME_LENGTH_MAX,
  type NumberRule,
  TIME,
  TIMER,
  TIMER_OR_NONE,
} from './option-checks.js';
export { Prefixes } from './prefixes.js';
export {
  defineProjection,
  isProjection,
  Projection,
  type ProjectionCheckpoint,
  type ProjectionDefinition,
  type ProjectionHooks,
  type ProjectionOptions,
} from './projection.js';
export { checkedArguments, payloadText } from './schemas.js';
export { type Renaming, Upcast, type UpcastDecorator, type UpcastOf } from './upcast-decorator.js';
export type { Upcasts } from './upcasts.js';
