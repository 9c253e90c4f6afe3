import { EngineError } from '../../kernel/values/errors.js';
import type { EventRecord } from '../../kernel/values/event.js';
import { codeOf, isInstance, messageOf } from '../../kernel/values/thrown.js';
import type { AppendDuty, AppendRequest, AppendResult } from '../duties/append.js';
import type { ReadDuty } from '../duties/read.js';
import { type Backoff, backoffIn } from '../environment/backoff.js';
import { type Environment, sleep } from '../environment/environment.js';
import { SYSTEM } from '../environment/system-environment.js';
import { streamPages } from '../reading/paging.js';

/** What `appendWithRetry` needs to know of its writer. */
export interface AppendRetryOptions {
  /** The version the writer saw last: its own events, if they were stored, come after it. */
  readonly lastSeenVersion: number;
  /** Looked at before every try; once it says so, the last error is thrown. */
  readonly stopped: () => boolean;
  /** Called for each error after which it is tried again. */
  readonly onRetry?: (error: EngineError) => void;
  readonly backoff?: Backoff;
  /** Where waits come from. Default: the machine. */
  readonly environment?: Environment;
}

/**
 * Appends, and tries again with growing waits for as long as the engine says that trying again may help. After an unknown outcome (the answer was
 * lost) it first looks for its own event ids among what is stored, so nothing is stored twice; a first try that lands late is recognised the
 * same way, among the events of the conflict that it causes.
 */
export function appendWithRetry(
  engine: AppendDuty & ReadDuty,
  request: AppendRequest,
  options: AppendRetryOptions,
): Promise<AppendResult> {
  return firstTry(engine, request).then(
    (result) => recognised(request, result),
    (error: unknown) => tryAgain(engine, request, options, error),
  );
}

/** An engine may throw where it should reject. */
function firstTry(engine: AppendDuty, request: AppendRequest): Promise<AppendResult> {
  try {
    return engine.append(request);
  } catch (error) {
    return Promise.reject(error);
  }
}

async function tryAgain(
  engine: AppendDuty & ReadDuty,
  request: AppendRequest,
  options: AppendRetryOptions,
  firstError: unknown,
): Promise<AppendResult> {
  const { environment = SYSTEM } = options;
  const backoff = options.backoff ?? backoffIn(environment);
  let error = firstError;
  let inDoubt = false;
  for (;;) {
    if (!isTransient(error) || options.stopped()) throw inDoubt ? doubtful(error) : error;
    inDoubt ||= error.outcomeUnknown;
    options.onRetry?.(error);
    await sleep(environment, backoff.nextMs());
    if (options.stopped()) throw inDoubt ? doubtful(error) : error;
    try {
      if (inDoubt) return await appendInDoubt(engine, environment, request, options.lastSeenVersion);
      return recognised(request, await engine.append(request));
    } catch (failure) {
      error = failure;
    }
  }
}

function isTransient(error: unknown): error is EngineError {
  return isInstance(error, EngineError) && (error.retryable || error.outcomeUnknown);
}

/** The error that ends it says nothing of an earlier try that may have stored everything. */
function doubtful(error: unknown): unknown {
  if (isInstance(error, EngineError) && error.outcomeUnknown) return error;
  const said = `it is not known whether it was stored: an answer was lost, and then: ${messageOf(error)}`;
  return new EngineError(codeOf(error) ?? 'ENGINE_FAILED', said, { cause: error, outcomeUnknown: true });
}

/**
 * One more try of a request that may be stored. Where any version would do, it is sent at the very version up to which the stream was searched: should
 * the first try land after all, they collide. If others came in between, it is searched again.
 */
async function appendInDoubt(
  engine: AppendDuty & ReadDuty,
  environment: Environment,
  request: AppendRequest,
  lastSeenVersion: number,
): Promise<AppendResult> {
  const atAny = request.expectedVersion === 'any';
  for (;;) {
    const { stored, searchedTo } = await findStored(engine, environment, request, lastSeenVersion);
    if (stored !== undefined) return { kind: 'appended', version: stored };
    const attempt = atAny ? { ...request, expectedVersion: searchedTo } : request;
    const result = recognised(request, await engine.append(attempt));
    if (!atAny || result.kind === 'appended') return result;
  }
}

/** The version at which this request's first event is stored, if it is. A commit is atomic, so one event speaks for all. */
async function findStored(
  engine: ReadDuty,
  environment: Environment,
  request: AppendRequest,
  lastSeenVersion: number,
): Promise<{ stored?: number; searchedTo: number }> {
  let searchedTo = lastSeenVersion;
  for await (const page of streamPages(engine, environment, request.streamId, lastSeenVersion)) {
    const own = firstOwn(request, page);
    if (own) return { stored: own.version, searchedTo };
    searchedTo = page.at(-1)?.version ?? searchedTo;
  }
  return { searchedTo };
}

function recognised(request: AppendRequest, result: AppendResult): AppendResult {
  const own = result.kind === 'conflict' ? firstOwn(request, result.events) : undefined;
  return own ? { kind: 'appended', version: own.version } : result;
}

function firstOwn(request: AppendRequest, events: readonly EventRecord[]): EventRecord | undefined {
  return events.find((event) => event.id === request.events[0]?.id);
}
