import type { EventRecord } from '../../kernel/values/index.js';
import { type FollowDuty, READ_PAGE_EVENTS_MAX, type ReadDuty } from '../duties/index.js';
import { Follower, type FollowerOptions } from './follower.js';

/**
 * Follows one stream: history after `after`, then live. Events come in order, without gap or repeat, whatever the
 * wake-ups do.
 */
export class StreamFollower extends Follower {
  constructor(engine: ReadDuty & FollowDuty, streamId: string, options: FollowerOptions) {
    super(options, {
      watch: (wake) => engine.watchStream(streamId, wake),
      read: async (after) => {
        const events = await engine.readStream(streamId, after, READ_PAGE_EVENTS_MAX);
        return { events, upTo: events.at(-1)?.version ?? after, ended: events.length === 0 };
      },
      placeOf: (event) => event.version,
      fitting: contiguous,
    });
  }
}

/**
 * Returns the part of `events` that continues after version `after` without a gap. If that is all of it, it is the same
 * array.
 */
export function contiguous(events: readonly EventRecord[], after: number): readonly EventRecord[] {
  if (events.every(({ version }, i) => version === after + 1 + i)) return events;
  const fitting: EventRecord[] = [];
  let next = after + 1;
  for (const event of events) {
    if (event.version !== next) continue;
    fitting.push(event);
    next += 1;
  }
  return fitting;
}
