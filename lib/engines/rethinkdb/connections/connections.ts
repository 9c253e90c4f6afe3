import { backoffIn, type Environment, sleep } from '../../../engine/environment/index.js';
import { EngineError } from '../../../kernel/values/index.js';
import { connect, type DriverCursor, isRefusal, type Reql, rethinkDbError, type Term } from './driver.js';
import type { Settings } from './options.js';
import { close, PooledConnection } from './pooled-connection.js';

/**
 * A connection that reconnects by itself, to the next server if necessary. Queries wait `connectTimeoutMs` for it, and
 * `queryTimeoutMs` for an answer.
 */
export class Connections {
  readonly #r: Reql;
  readonly #settings: Settings;
  readonly #environment: Environment;
  #connection: Promise<PooledConnection> | undefined;
  /** The same connection, once it is established. */
  #present: PooledConnection | undefined;
  /** The index of the server to try next. */
  #next = 0;
  #closed = false;
  /** Rejects for those who wait for a connection that is still being made. */
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
   * Reads a stream of documents for as long as more is wanted. It comes in parts, each of which may take
   * `queryTimeoutMs`, so that a long stream can end. One long answer could not, and would block all others: the driver
   * copies what it has of an answer for every packet that arrives.
   */
  async readWhile<T>(query: Term, wantsMore: (item: T) => boolean, options?: object): Promise<void> {
    const connection = this.#present ?? (await this.#connected());
    await this.#ask<void>(connection, false, (running) => {
      query.run(connection.connection, options).then((cursor) => {
        passOn(cursor as DriverCursor, wantsMore as (item: unknown) => boolean, running);
      }, running.fail);
    });
  }

  /** Calls `lost` once when the current connection is lost. @returns a function that cancels this. */
  whenLost(lost: () => void): () => void {
    const connection = this.#present;
    if (!connection) {
      lost();
      return () => {};
    }
    const listener = () => lost();
    connection.whenLost(listener);
    return () => connection.stopListening(listener);
  }

  /**
   * Gives up the connection and everything under way on it, because something is wrong with it. The next query connects
   * to the next server.
   */
  async drop(why: EngineError): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined);
    if (connection) this.#leave(connection, why);
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#present) this.#leave(this.#present, closed());
    this.#giveUp(closed());
  }

  async #run<T>(query: Term, isWrite: boolean, options?: object): Promise<T> {
    const connection = this.#present ?? (await this.#connected());
    const answer = await this.#ask<unknown>(connection, isWrite, (running) => {
      query.run(connection.connection, options).then(running.answer, running.fail);
    });
    // The driver's arrays are cursors as well.
    return (Array.isArray(answer) ? Array.from(answer) : answer) as T;
  }

  /** Resolves to the answer, unless it is late or the connection is lost. Nothing of the query stays behind. */
  #ask<T>(connection: PooledConnection, isWrite: boolean, begin: (query: RunningQuery<T>) => void): Promise<T> {
    const { queryTimeoutMs } = this.#settings;
    return new Promise((resolve, reject) => {
      let isOver = false;
      /**
       * When the last part of the answer came. There may be thousands of parts, so the timer is set again only when it
       * has run out.
       */
      let lastPartAtMs = Number.NEGATIVE_INFINITY;
      const look = () => {
        const leftMs = lastPartAtMs + queryTimeoutMs - this.#environment.monotonicMs();
        if (leftMs > 0) timer = this.#environment.setTimeout(look, leftMs);
        // This holds even if the server answers other queries: perhaps only what this query needs is out of its reach.
        else this.#leave(connection, this.#lateError(isWrite));
      };
      let timer = this.#environment.setTimeout(look, queryTimeoutMs);
      const end = () => {
        isOver = true;
        this.#environment.clearTimeout(timer);
        connection.stopListening(fail);
      };
      const fail = (error: unknown) => {
        if (isOver) return;
        end();
        const known = withOutcome(rethinkDbError(error, isWrite), isWrite);
        reject(known);
        if (known.code === 'ENGINE_UNAVAILABLE') this.#refused(connection);
        else if (!known.retryable) connection.answered();
      };
      const answer = (value: T) => {
        if (isOver) return;
        end();
        resolve(value);
        if (isWrite && isRefusal(value)) this.#refused(connection);
        else connection.answered();
      };
      const goOn = () => {
        lastPartAtMs = this.#environment.monotonicMs();
        return !isOver;
      };
      connection.whenLost(fail);
      if (!isOver) begin({ answer, fail, goOn });
    });
  }

  #lateError(isWrite: boolean): EngineError {
    const message = `RethinkDB: no answer within ${this.#settings.queryTimeoutMs} ms (queryTimeoutMs)`;
    return new EngineError('ENGINE_TIMEOUT', message, { retryable: true, outcomeUnknown: isWrite });
  }

  /** Leaves a server that refuses for long, if there is another one. */
  #refused(connection: PooledConnection): void {
    if (connection.refused() < REFUSED_MS_MAX || this.#settings.servers.length < 2) return;
    const message = `RethinkDB: for ${REFUSED_MS_MAX} ms the server reported only that too many replicas are down, so the next server is asked`;
    this.#leave(connection, new EngineError('ENGINE_UNREACHABLE', message, { retryable: true }));
  }

  /** Gives up a connection, and moves on to the next server. */
  #leave(connection: PooledConnection, why: EngineError): void {
    if (connection.drop(why)) this.#next = (this.#next + 1) % this.#settings.servers.length;
  }

  #connected(): Promise<PooledConnection> {
    if (this.#closed) throw closed();
    this.#connection ??= this.#begin();
    return this.#connection;
  }

  #begin(): Promise<PooledConnection> {
    const connection = new Promise<PooledConnection>((resolve, reject) => {
      this.#giveUp = reject;
      this.#connect().then((made) => {
        // Nobody waits for this connection any more.
        if (this.#closed) made.drop(closed());
        resolve(made);
      }, reject);
    });
    const lost = () => {
      // Only this connection: the end of an earlier one may arrive while the next is being made.
      if (this.#connection !== connection) return;
      this.#connection = undefined;
      this.#present = undefined;
    };
    connection.then((present) => {
      this.#present = present;
      present.whenLost(lost);
    }, lost);
    return connection;
  }

  /** Tries every server in turn, until one answers or time is up. */
  async #connect(): Promise<PooledConnection> {
    const deadlineMs = this.#environment.monotonicMs() + this.#settings.connectTimeoutMs;
    const backoff = backoffIn(this.#environment);
    const count = this.#settings.servers.length;
    for (let tries = 0; ; tries += 1) {
      try {
        const leftMs = Math.max(100, deadlineMs - this.#environment.monotonicMs());
        // Each try gets a share of the time, so that a server that accepts and never answers leaves time for the
        // others.
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
      // Nobody waits for this connection any more.
      opening.then(close, () => {});
      throw error;
    }
  }
}

/**
 * How long a server may report nothing but unavailable replicas before another one is asked. It may be cut off from the
 * majority, and would refuse for ever. The time is longer than most elections, so that not all nodes change servers
 * then. Milliseconds.
 */
export const REFUSED_MS_MAX = 1_000;

/** The ways in which a query can end. */
interface RunningQuery<T> {
  readonly answer: (value: T) => void;
  readonly fail: (error: unknown) => void;
  /**
   * A part of the answer has come, and the next part has its own time limit. Returns whether anybody still waits for
   * it.
   */
  readonly goOn: () => boolean;
}

/** Passes on what a cursor gives, until no more is wanted. */
function passOn(cursor: DriverCursor, wantsMore: (item: unknown) => boolean, query: RunningQuery<void>): void {
  // Otherwise the driver would pause for a millisecond after every so many rows.
  cursor.stackSize = Number.POSITIVE_INFINITY;
  cursor.each(
    (error, item) => {
      if (error) {
        query.fail(error);
        return false;
      }
      try {
        if (query.goOn() && wantsMore(item)) return true;
      } catch (cause) {
        query.fail(cause);
      }
      cursor.close().catch(() => {});
      return false;
    },
    () => query.answer(),
  );
}

function closed(): EngineError {
  return new EngineError('ENGINE_CLOSED', 'RethinkDB: the engine was closed, so it takes no more calls');
}

/** Errors after which the outcome of a write is unknown. */
const LOST: ReadonlySet<string> = new Set(['ENGINE_UNREACHABLE', 'ENGINE_TIMEOUT', 'ENGINE_CLOSED']);

/** A write on a lost connection has an unknown outcome. */
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
