export { onAnotherDay } from './another-day.js';
export { checkedSpan, ManualClock, millisecondsOf, type Time } from './manual-clock.js';
export { SequentialIds } from './sequential-ids.js';
export type { LoadedSubject, Subject } from './subject.js';
export { World } from './world.js';
