import { backoffIn } from '../../../engine/environment/backoff.js';
import { type Environment, sleep } from '../../../engine/environment/environment.js';
import { EngineError } from '../../../kernel/values/errors.js';
import { connect, type DriverCursor, isRefusal, type Reql, rethinkDbError, type Term } from './driver.js';
import type { Settings } from './options.js';
import { close, PooledConnection } from './pooled-connection.js';

/** One connection that comes back by itself, to the next server if need be. Queries wait for it `connectTimeoutMs`, and for an answer `queryTimeoutMs`. */
export class Connections {
  readonly #r: Reql;
  readonly #settings: Settings;
  readonly #environment: Environment;
  #line: Promise<PooledConnection> | undefined;
  /** The same, once it is there. */
  #present: PooledConnection | undefined;
  /** Which server is tried next. */
  #next = 0;
  #closed = false;
  /** Whoever waits for a connection that is being made need not wait any more. */
  #giveUp: (why: EngineError) => void = () => {};

  constructor(r: Reql, settings: Settings) {
    this.#r = r;
    this.#settings = settings;
    this.#environment = settings.environment;
  }

  read<T>(query: Term, options?: object): Promise<T> {
    return this.#run<T>(query, false, options);
  }

  write<T>(query: Term): Promise<T> {
    return this.#run<T>(query, true);
  }

  /**
   * Reads a stream of documents for as long as more is wanted. It comes in parts, each of which may take `queryTimeoutMs`, so however much it is, it ends;
   * one long answer would not (the driver copies all that it has of an answer for every packet that arrives), and would hold up all others.
   */
  async readWhile<T>(query: Term, wantsMore: (item: T) => boolean, options?: object): Promise<void> {
    const line = this.#present ?? (await this.#connected());
    await this.#ask<void>(line, false, (question) => {
      query.run(line.connection, options).then((cursor) => {
        passOn(cursor as DriverCursor, wantsMore as (item: unknown) => boolean, question);
      }, question.fail);
    });
  }

  /** Calls this once when the present connection is lost. @returns how to stop that. */
  whenLost(lost: () => void): () => void {
    const line = this.#present;
    if (!line) {
      lost();
      return () => {};
    }
    const listener = () => lost();
    line.whenLost(listener);
    return () => line.stopListening(listener);
  }

  /** Gives up the connection, and whatever is under way on it; the next query makes another, to the next server: with this one something is wrong. */
  async drop(why: EngineError): Promise<void> {
    const line = await this.#line?.catch(() => undefined);
    if (line) this.#leave(line, why);
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#present) this.#leave(this.#present, closed());
    this.#giveUp(closed());
  }

  async #run<T>(query: Term, isWrite: boolean, options?: object): Promise<T> {
    const line = this.#present ?? (await this.#connected());
    const answer = await this.#ask<unknown>(line, isWrite, (question) => {
      query.run(line.connection, options).then(question.answer, question.fail);
    });
    // The driver's arrays are cursors as well.
    return (Array.isArray(answer) ? Array.from(answer) : answer) as T;
  }

  /** The answer, unless it is late or the connection is lost. Nothing of it stays behind. */
  #ask<T>(line: PooledConnection, isWrite: boolean, begin: (question: Question<T>) => void): Promise<T> {
    const { queryTimeoutMs } = this.#settings;
    return new Promise((resolve, reject) => {
      let isOver = false;
      /** When the last part of an answer came: there may be thousands of them, so the timer is set again only when it has run out. */
      let lastPartAtMs = Number.NEGATIVE_INFINITY;
      const look = () => {
        const leftMs = lastPartAtMs + queryTimeoutMs - this.#environment.monotonicMs();
        if (leftMs > 0) timer = this.#environment.setTimeout(look, leftMs);
        // Even if the server answers other queries: it may be that only what this one needs is out of its reach.
        else this.#leave(line, this.#lateError(isWrite));
      };
      let timer = this.#environment.setTimeout(look, queryTimeoutMs);
      const end = () => {
        isOver = true;
        this.#environment.clearTimeout(timer);
        line.stopListening(fail);
      };
      const fail = (error: unknown) => {
        if (isOver) return;
        end();
        const known = withOutcome(rethinkDbError(error, isWrite), isWrite);
        reject(known);
        if (known.code === 'ENGINE_UNAVAILABLE') this.#refused(line);
        else if (!known.retryable) line.answered();
      };
      const answer = (value: T) => {
        if (isOver) return;
        end();
        resolve(value);
        if (isWrite && isRefusal(value)) this.#refused(line);
        else line.answered();
      };
      const goOn = () => {
        lastPartAtMs = this.#environment.monotonicMs();
        return !isOver;
      };
      line.whenLost(fail);
      if (!isOver) begin({ answer, fail, goOn });
    });
  }

  #lateError(isWrite: boolean): EngineError {
    const message = `RethinkDB: no answer within ${this.#settings.queryTimeoutMs} ms (queryTimeoutMs)`;
    return new EngineError('ENGINE_TIMEOUT', message, { retryable: true, outcomeUnknown: isWrite });
  }

  /** A server that refuses for long is left, if there is another. */
  #refused(line: PooledConnection): void {
    if (line.refused() < REFUSED_MS_MAX || this.#settings.servers.length < 2) return;
    const message = `RethinkDB: for ${REFUSED_MS_MAX} ms the server said nothing but that too many replicas are down; the next one is asked`;
    this.#leave(line, new EngineError('ENGINE_UNREACHABLE', message, { retryable: true }));
  }

  /** Gives up a connection, and goes to the next server. */
  #leave(line: PooledConnection, why: EngineError): void {
    if (line.drop(why)) this.#next = (this.#next + 1) % this.#settings.servers.length;
  }

  #connected(): Promise<PooledConnection> {
    if (this.#closed) throw closed();
    this.#line ??= this.#begin();
    return this.#line;
  }

  #begin(): Promise<PooledConnection> {
    const line = new Promise<PooledConnection>((resolve, reject) => {
      this.#giveUp = reject;
      this.#connect().then((made) => {
        // Nobody waits for it any more.
        if (this.#closed) made.drop(closed());
        resolve(made);
      }, reject);
    });
    const gone = () => {
      // This one alone: the end of an earlier connection may be told while the next is being made.
      if (this.#line !== line) return;
      this.#line = undefined;
      this.#present = undefined;
    };
    line.then((present) => {
      this.#present = present;
      present.whenLost(gone);
    }, gone);
    return line;
  }

  /** Every server in turn, until one answers or time is up. */
  async #connect(): Promise<PooledConnection> {
    const deadlineMs = this.#environment.monotonicMs() + this.#settings.connectTimeoutMs;
    const backoff = backoffIn(this.#environment);
    const count = this.#settings.servers.length;
    for (let tries = 0; ; tries += 1) {
      try {
        const leftMs = Math.max(100, deadlineMs - this.#environment.monotonicMs());
        // Shared fairly: a server that accepts and says nothing must leave time for the others.
        return await this.#connectTo(this.#next, leftMs / (count - (tries % count)));
      } catch (error) {
        const known = rethinkDbError(error, false);
        this.#next = (this.#next + 1) % count;
        if (!known.retryable || this.#closed || this.#environment.monotonicMs() > deadlineMs) throw known;
      }
      await sleep(this.#environment, backoff.nextMs());
    }
  }

  async #connectTo(index: number, timeoutMs: number): Promise<PooledConnection> {
    const { servers, user, password, tls } = this.#settings;
    const { host = 'localhost', port = 28015 } = servers[index] ?? {};
    const ssl = tls === false ? {} : { ssl: tls === true ? true : tls };
    const options = { host, port, user, password, timeout: Math.max(0.1, timeoutMs / 1_000), ...ssl };
    const opening = connect(this.#r, options);
    try {
      const answered = within(this.#environment, opening, timeoutMs, `${host}:${port} did not answer`);
      return new PooledConnection(await answered, this.#environment);
    } catch (error) {
      // Nobody waits for it any more.
      opening.then(close, () => {});
      throw error;
    }
  }
}

/**
 * How long a server may say nothing but that replicas are not available, before another one is asked: it may be cut off from the majority, and would
 * say so for ever. Longer than most elections, so that not everybody changes servers then. Milliseconds.
 */
export const REFUSED_MS_MAX = 1_000;

/** How a question ends. */
interface Question<T> {
  readonly answer: (value: T) => void;
  readonly fail: (error: unknown) => void;
  /** A part of the answer is there: the next one has its own time. Returns whether anybody still waits for it. */
  readonly goOn: () => boolean;
}

/** Hands out what a cursor gives until no more is wanted. */
function passOn(cursor: DriverCursor, wantsMore: (item: unknown) => boolean, question: Question<void>): void {
  // Every so many rows the driver would rest for a millisecond.
  cursor.stackSize = Number.POSITIVE_INFINITY;
  cursor.each(
    (error, item) => {
      if (error) {
        question.fail(error);
        return false;
      }
      try {
        if (question.goOn() && wantsMore(item)) return true;
      } catch (cause) {
        question.fail(cause);
      }
      cursor.close().catch(() => {});
      return false;
    },
    () => question.answer(),
  );
}

function closed(): EngineError {
  return new EngineError('ENGINE_CLOSED', 'RethinkDB: the engine was closed');
}

/** With these nobody knows what became of a question. */
const LOST: ReadonlySet<string> = new Set(['ENGINE_UNREACHABLE', 'ENGINE_TIMEOUT', 'ENGINE_CLOSED']);

/** A lost connection says nothing of what it was lost for. */
function withOutcome(error: EngineError, isWrite: boolean): EngineError {
  if (!isWrite || error.outcomeUnknown || !LOST.has(error.code)) return error;
  const { code, message, cause, retryable } = error;
  return new EngineError(code, message, { cause, retryable, outcomeUnknown: true });
}

function within<T>(environment: Environment, promise: Promise<T>, ms: number, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () =>
      reject(
        new EngineError('ENGINE_UNREACHABLE', `RethinkDB: ${what} within ${Math.round(ms)} ms`, { retryable: true }),
      );
    const timer = environment.setTimeout(late, ms);
    promise.then(resolve, reject).finally(() => environment.clearTimeout(timer));
  });
}
