import { EngineError } from '../kernel/errors.js';
import type { EventRecord } from '../kernel/event.js';
import type { AppendDuty, AppendRequest, AppendResult } from './append.js';
import { Backoff } from './backoff.js';
import { READ_PAGE_EVENTS_MAX, type ReadDuty } from './read.js';

/** What `appendWithRetry` needs to know of its writer. */
export interface AppendRetryOptions {
  /** The version the writer saw last: its own events, if they were stored, come after it. */
  readonly lastSeenVersion: number;
  /** Looked at before every try; once it says so, the last error is thrown. */
  readonly stopped: () => boolean;
  /** Called for each error after which it is tried again. */
  readonly onRetry?: (error: EngineError) => void;
  readonly backoff?: Backoff;
}

/**
 * Appends, and tries again with growing waits for as long as the engine says that trying again may help. After an unknown outcome (the answer was
 * lost) it first looks for its own event ids among what is stored, so nothing is stored twice; a first try that lands late is recognised the
 * same way, among the events of the conflict that it causes.
 */
export async function appendWithRetry(
  engine: AppendDuty & ReadDuty,
  request: AppendRequest,
  options: AppendRetryOptions,
): Promise<AppendResult> {
  const backoff = options.backoff ?? new Backoff();
  let inDoubt = false;
  for (;;) {
    try {
      const stored = inDoubt ? await findStored(engine, request, options.lastSeenVersion) : undefined;
      if (stored !== undefined) return { kind: 'appended', version: stored };
      const result = await engine.append(request);
      return inDoubt ? recognised(request, result) : result;
    } catch (error) {
      if (!(error instanceof EngineError) || !(error.retryable || error.outcomeUnknown) || options.stopped())
        throw error;
      inDoubt ||= error.outcomeUnknown;
      options.onRetry?.(error);
      await wait(backoff.nextMs());
      if (options.stopped()) throw error;
    }
  }
}

/** The version at which this request's first event is stored, if it is. A commit is atomic, so one event speaks for all. */
async function findStored(
  engine: ReadDuty,
  request: AppendRequest,
  lastSeenVersion: number,
): Promise<number | undefined> {
  let after = lastSeenVersion;
  for (;;) {
    const page = await engine.readStream(request.streamId, after, READ_PAGE_EVENTS_MAX);
    const own = firstOwn(request, page);
    if (own) return own.version;
    const last = page.at(-1);
    if (!last) return undefined;
    after = last.version;
  }
}

function recognised(request: AppendRequest, result: AppendResult): AppendResult {
  const own = result.kind === 'conflict' ? firstOwn(request, result.events) : undefined;
  return own ? { kind: 'appended', version: own.version } : result;
}

function firstOwn(request: AppendRequest, events: readonly EventRecord[]): EventRecord | undefined {
  return events.find((event) => event.id === request.events[0]?.id);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
