import { type FollowDuty, READ_PAGE_EVENTS_MAX, type ReadDuty } from '../duties/index.js';
import { Follower, type FollowerOptions } from './follower.js';

/**
 * Follows the whole store by position, or its events of some names: history after `after`, then live. Events come in
 * order, without loss or repeat. Positions may have gaps, so a wake-up's events can never be known to continue without
 * loss: a wake-up only makes it read.
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
