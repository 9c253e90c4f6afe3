import { EngineError } from '../../kernel/values/index.js';
import type { AppendRequest, AppendResult } from '../duties/index.js';
import { type Environment, SYSTEM, turnOfTheLoop } from '../environment/index.js';

/**
 * Turns concurrent appends into batches. Requests that arrive in one turn of the event loop, or while a batch is
 * written, are written together. One slow sync to disk then serves hundreds of commits.
 */
export class GroupCommit {
  #queue: Waiting[] = [];
  readonly #writing = new Set<Promise<void>>();
  #scheduled = false;
  readonly #write: BatchWriter;
  readonly #limits: GroupCommitLimits;
  readonly #environment: Environment;

  constructor(write: BatchWriter, limits: Partial<GroupCommitLimits> = {}, environment: Environment = SYSTEM) {
    this.#write = write;
    this.#limits = { ...GROUP_COMMIT_LIMITS, ...limits };
    this.#environment = environment;
  }

  append(request: AppendRequest): Promise<AppendResult> {
    if (this.#queue.length >= this.#limits.queueMax) {
      const message = `${this.#limits.queueMax} appends already wait for the engine (queueMax), so this one is refused: try again later`;
      return Promise.reject(new EngineError('ENGINE_OVERLOADED', message, { retryable: true }));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, resolve, reject });
      this.#schedule();
    });
  }

  /** Resolves when everything that was accepted so far is written or refused. */
  async drained(): Promise<void> {
    while (this.#scheduled || this.#writing.size > 0) {
      await (this.#writing.size > 0 ? Promise.all(this.#writing) : turnOfTheLoop(this.#environment));
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#writing.size >= this.#limits.batchesMax) return;
    this.#scheduled = true;
    this.#environment.setImmediate(() => {
      this.#scheduled = false;
      const written = this.#writeNext().finally(() => {
        this.#writing.delete(written);
        if (this.#queue.length > 0) this.#schedule();
      });
      this.#writing.add(written);
      if (this.#queue.length > 0) this.#schedule();
    });
  }

  async #writeNext(): Promise<void> {
    const batch = this.#nextBatch();
    for (const { waiting, error } of await this.#writeBatch(batch)) {
      // The cause may lie in one request only, and must not fail the others.
      if (batch.length > 1 && isPermanent(error)) await this.#writeSingly(waiting);
      else waiting.reject(error);
    }
  }

  async #writeSingly(waiting: Waiting): Promise<void> {
    for (const { error } of await this.#writeBatch([waiting])) waiting.reject(error);
  }

  /** Returns the requests that failed. */
  async #writeBatch(batch: readonly Waiting[]): Promise<Failure[]> {
    const failures: Failure[] = [];
    try {
      const outcomes = await this.#write(batch.map(({ request }) => request));
      if (outcomes.length !== batch.length) {
        const message = `the engine gave ${outcomes.length} results for ${batch.length} appends, so it is unknown what was stored: this is a bug in the engine`;
        throw new EngineError('ENGINE_FAULT', message, { outcomeUnknown: true });
      }
      for (const [i, waiting] of batch.entries()) {
        const outcome = outcomes[i] as BatchOutcome;
        if (outcome.kind === 'failed') failures.push({ waiting, error: outcome.error });
        else waiting.resolve(outcome);
      }
      return failures;
    } catch (error) {
      return batch.map((waiting) => ({ waiting, error }));
    }
  }

  #nextBatch(): Waiting[] {
    const { batchEventsMax, batchLengthMax } = this.#limits;
    let count = 0;
    let events = 0;
    let length = 0;
    for (const { request } of this.#queue) {
      events += request.events.length;
      for (const event of request.events) length += event.data.length + event.metadata.length;
      if (count > 0 && (events > batchEventsMax || length > batchLengthMax)) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }
}

/** A request of a batch that failed, while others may be stored. */
export interface FailedAppend {
  readonly kind: 'failed';
  readonly error: unknown;
}

/** The outcome of one request of a batch. */
export type BatchOutcome = AppendResult | FailedAppend;

/**
 * Stores a batch in one write, and returns one outcome for each request, in order. A conflict is an outcome. If it
 * throws, none of the requests is known to be stored.
 */
export type BatchWriter = (requests: readonly AppendRequest[]) => BatchOutcome[] | Promise<BatchOutcome[]>;

/** How much one batch may hold, and how much may wait for the next one. */
export interface GroupCommitLimits {
  /** Most events in one batch, unless one request alone has more. */
  readonly batchEventsMax: number;
  /** Most payload and metadata in one batch, in UTF-16 code units, unless one request alone has more. */
  readonly batchLengthMax: number;
  /**
   * Most batches that may be under way at the same time. More than one is safe only if the writer keeps order within a
   * stream.
   */
  readonly batchesMax: number;
  /** Most requests that may wait. Further ones are refused with `ENGINE_OVERLOADED`, which is `retryable`. */
  readonly queueMax: number;
}

/** The default limits of a group commit. */
export const GROUP_COMMIT_LIMITS: GroupCommitLimits = {
  batchEventsMax: 1_000,
  batchLengthMax: 4 * 1024 * 1024,
  batchesMax: 1,
  queueMax: 100_000,
};

interface Waiting {
  readonly request: AppendRequest;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: unknown) => void;
}

/** A request that failed, and its error. */
interface Failure {
  readonly waiting: Waiting;
  readonly error: unknown;
}

function isPermanent(error: unknown): boolean {
  return !(error instanceof EngineError) || !(error.retryable || error.outcomeUnknown);
}
