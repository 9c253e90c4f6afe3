import { codeOf, EngineError, type EventRecord, isInstance, messageOf } from '../../kernel/values/index.js';
import type { AppendDuty, AppendRequest, AppendResult, ReadDuty } from '../duties/index.js';
import { type Backoff, backoffIn, type Environment, SYSTEM, sleep } from '../environment/index.js';
import { streamPages } from '../reading/index.js';

/** What `appendWithRetry` needs to know about its writer. */
export interface AppendRetryOptions {
  /** The last version that the writer saw. If its own events were stored, they come after it. */
  readonly lastSeenVersion: number;
  /** Asked before every try. Once it returns true, the last error is thrown. */
  readonly stopped: () => boolean;
  /** Called with each error after which it tries again. */
  readonly onRetry?: (error: EngineError) => void;
  readonly backoff?: Backoff;
  /** Where waits come from. Default: the machine. */
  readonly environment?: Environment;
}

/**
 * Appends a commit. As long as the engine's error says that trying again may help, it does so with growing waits.
 *
 * After an error with `outcomeUnknown` it first searches the stream for its own event ids, so that nothing is stored
 * twice. If the first try lands late, the next one conflicts with it and finds its events among those of the conflict.
 *
 * Resolves to the outcome of the append.
 *
 * @throws EngineError that is not `retryable`, or the last one once `stopped` returns true. If an answer was lost and
 * the outcome could not be found out, it has `outcomeUnknown`.
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

/** Turns what an engine throws into a rejection. */
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
    if (!isTransient(error) || options.stopped()) throw inDoubt ? withUnknownOutcome(error) : error;
    inDoubt ||= error.outcomeUnknown;
    options.onRetry?.(error);
    await sleep(environment, backoff.nextMs());
    if (options.stopped()) throw inDoubt ? withUnknownOutcome(error) : error;
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

/** Adds that an earlier try may have stored everything: the last error says nothing about that. */
function withUnknownOutcome(error: unknown): unknown {
  if (isInstance(error, EngineError) && error.outcomeUnknown) return error;
  const message = `it is unknown whether the commit was stored, because an answer was lost; the last error was: ${messageOf(error)}`;
  return new EngineError(codeOf(error) ?? 'ENGINE_FAILED', message, { cause: error, outcomeUnknown: true });
}

/**
 * Tries a request again that may be stored. If the request allows any version, it is sent at exactly the version up to
 * which the stream was searched: if the first try still lands, the two collide. If others' events came in between, it
 * searches again.
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

/**
 * Finds the version at which the request's first event is stored, if it is. A commit is atomic, so one event stands for
 * all.
 */
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
