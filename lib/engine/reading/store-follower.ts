import type { FollowDuty } from '../duties/follow.js';
import { READ_PAGE_EVENTS_MAX, type ReadDuty } from '../duties/read.js';
import { Follower, type FollowerOptions } from './follower.js';

/**
 * Follows the whole store, or the events of some names, by position: history after `after`, then live; in order, nothing missed, no repeat.
 * Positions may have gaps, so a hint can never be known to fit: wake-ups only make it read.
 */
export class StoreFollower extends Follower {
  constructor(engine: ReadDuty & FollowDuty, options: FollowerOptions & { names?: readonly string[] }) {
    super(options, {
      watch: (wake) => engine.watchAll(wake),
      read: (after) => engine.readAll(after, READ_PAGE_EVENTS_MAX, options.names),
      placeOf: (event) => event.position,
      fitting: () => [],
    });
  }
}
