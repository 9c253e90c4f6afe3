import type { EventRecord } from '../../kernel/values/index.js';

/**
 * A wake-up: a watcher is called because a stream may have grown, on whichever node. It is never called from inside a
 * call of `append`, and it must not throw.
 *
 * `events` is only a hint. It may be empty, lack earlier events, or come repeated or out of order; positions in it may
 * be 0. But every event in it is stored for good. A hint that is not empty ends with the last event of the commits that
 * it stands for: if the engine cannot bring that event, it gives an empty hint, or lets another wake-up follow.
 * `StreamFollower` and `StoreFollower` merge hints by version and read what is missing.
 */
export type Wake = (events: readonly EventRecord[]) => void;

/** Stops a watch. It may be called more than once. */
export type Unwatch = () => void;

/**
 * The follow duty of an engine: it wakes watchers, and never carries the log itself. After a commit by any node, every
 * watcher concerned is woken within milliseconds. If that wake-up is lost, it is woken when the engine looks again by
 * itself. A watch costs nothing at rest: no timer and no query of its own.
 */
export interface FollowDuty {
  /** Watches one stream. Resolves when the watch is in force: every later commit wakes it. @throws EngineError. */
  watchStream(streamId: string, wake: Wake): Promise<Unwatch>;
  /** Watches the whole store, likewise. */
  watchAll(wake: Wake): Promise<Unwatch>;
}
