export { Clock, Ids } from './clock.js';
export { ERROR_CLASSES } from './error-classes.js';
export {
  ActorOverloadedError,
  asyncSchema,
  CommitTimeoutError,
  ConflictError,
  DeadlockError,
  duplicateActor,
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
} from './errors.js';
export {
  EVENT_NAME_LENGTH_MAX,
  type EventInfo,
  type EventMetadata,
  type EventRecord,
  FRAMEWORK_EVENT_PREFIX,
  type NewEvent,
  type StoredEvent,
} from './event.js';
export { assertEventName, checkedStreamId, eventNameFault, nameFault, streamIdOf } from './ids.js';
export {
  assertJson,
  findRefusal,
  formatKey,
  isContainer,
  isPlainObject,
  PLAIN_DATA_DEPTH_MAX,
  putProperty,
  type Refusal,
  refusalError,
} from './plain-data.js';
export {
  isStandardSchema,
  type SchemaOutput,
  type StandardIssue,
  type StandardResult,
  type StandardSchema,
  textOfSchema,
  validate,
} from './standard-schema.js';
export { shownText, textFault } from './text.js';
export { disown, isThenable, promiseOf, whenThere } from './thenable.js';
export {
  classNameOf,
  codeOf,
  FAILURE_DEPTH_MAX,
  FAILURES_MAX,
  gatheredBy,
  isError,
  isInstance,
  messageOf,
  nameOf,
  propertyOf,
  reasonOf,
  STACK_LENGTH_MAX,
  type StoredFailure,
  storedFailure,
  traceOf,
} from './thrown.js';
