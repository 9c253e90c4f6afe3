import type { EventRecord } from '../../kernel/values/index.js';
import { READ_PAGE_EVENTS_MAX, type ReadDuty, type StorePage } from '../duties/index.js';
import { type Environment, timeSlicesOf } from '../environment/index.js';

/**
 * Yields the events of one stream after a version, page by page, to its end. Between pages, timers and sockets have
 * their turn when a time slice is over: an engine may answer at once, and a long history must not block everything
 * else.
 *
 * @throws EngineError.
 */
export async function* streamPages(
  engine: ReadDuty,
  environment: Environment,
  streamId: string,
  after: number,
): AsyncGenerator<readonly EventRecord[], void, undefined> {
  const slices = timeSlicesOf(environment);
  for (let version = after; ; ) {
    if (slices.isOver) await slices.turn();
    const page = await engine.readStream(streamId, version, READ_PAGE_EVENTS_MAX);
    const last = page.at(-1);
    if (!last) return;
    // Other work may have used the slice during the read.
    if (slices.isOver) await slices.turn();
    slices.use(page.length);
    yield page;
    version = last.version;
  }
}

/**
 * Yields the events of the whole store after a position, likewise; only those of `names` if given. The last page has
 * `ended`.
 *
 * @throws EngineError.
 */
export async function* storePages(
  engine: ReadDuty,
  environment: Environment,
  after: number,
  names?: readonly string[],
): AsyncGenerator<StorePage, void, undefined> {
  const slices = timeSlicesOf(environment);
  for (let position = after; ; ) {
    if (slices.isOver) await slices.turn();
    const page = await engine.readAll(position, READ_PAGE_EVENTS_MAX, names);
    if (slices.isOver) await slices.turn();
    slices.use(page.events.length);
    yield page;
    if (page.ended) return;
    position = page.upTo;
  }
}
