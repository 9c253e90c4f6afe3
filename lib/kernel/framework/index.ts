export { listenerKey } from './ended-sources.js';
export {
  ANSWERED_EVENT,
  type EventEffect,
  type FrameworkMemory,
  FrameworkState,
  frameworkEffectOf,
  isSame,
  LEADER_EVENT,
  type Leadership,
  PARTLY_EVENT,
  TICK_EVENT,
  TICK_MS_MAX,
  TICK_MS_MIN,
  TICKING_EVENT,
  type Tick,
  type TickEvents,
  type Ticking,
  type TickingData,
  type TickOptions,
} from './framework-events.js';
export { type HeardNote, heardIn, heardPlace, heardText } from './heard-note.js';
export {
  ALL_STREAMS,
  HEARD_EVENT,
  type HeardData,
  type HeardSource,
  IN_CODE,
  LISTENING_EVENT,
  LISTENING_EVENTS,
  type ListeningData,
  type ListeningLimits,
  type ListeningState,
  PARKED_EVENT,
  type ParkedData,
  UNPARKED_EVENT,
  type UnparkedData,
} from './listening-state.js';
export { ONCE_KEY_LENGTH_MAX, type OnceAnswer, type OnceData } from './once-answers.js';
