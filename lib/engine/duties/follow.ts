import type { EventRecord } from '../../kernel/values/event.js';

/**
 * Called when a stream may have grown, by whichever node; never from inside a call of `append`. `events` is a hint: it may be empty, lack what comes
 * before, be repeated or out of order, and positions in it may be 0, but what it holds is stored for good, and it holds the last event of what it tells
 * of: a wake-up that brings less than that says nothing of the rest, and is empty then or followed by another. The follower (`StreamFollower`,
 * `StoreFollower`) merges by version and reads what is missing. Must not throw.
 */
export type Wake = (events: readonly EventRecord[]) => void;

/** Stops a watch; idempotent. */
export type Unwatch = () => void;

/**
 * Wake-ups, never the log. What an engine owes: after any commit by any node, every watcher concerned is woken within milliseconds, or, if
 * the wake-up was lost, within the engine's own look-again interval. Watching costs nothing at rest: no timer and no query per watch.
 */
export interface FollowDuty {
  /** Resolves when the watch is in force: every commit after that wakes it. */
  watchStream(streamId: string, wake: Wake): Promise<Unwatch>;
  /** The same for the whole store. */
  watchAll(wake: Wake): Promise<Unwatch>;
}
