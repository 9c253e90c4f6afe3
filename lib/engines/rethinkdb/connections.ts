// The real one, also where a test runner has replaced the global.
import { setTimeout } from 'node:timers';
import { Backoff } from '../../engine/backoff.js';
import { EngineError } from '../../kernel/errors.js';
import { connect, type DriverConnection, type Reql, rethinkDbError, type Term } from './driver.js';
import type { Settings } from './options.js';

/** A connection, and whether it is still good. */
interface Line {
  readonly connection: DriverConnection;
  /** Rejected when it is lost. */
  readonly lost: Promise<never>;
  /** Gives it up. @returns whether it was still good. */
  drop(why: EngineError): boolean;
}

/** One connection that comes back by itself, to the next server if need be. Queries wait for it `connectTimeoutMs`, and for an answer `queryTimeoutMs`. */
export class Connections {
  readonly #r: Reql;
  readonly #settings: Settings;
  #line: Promise<Line> | undefined;
  /** Which server is tried next. */
  #next = 0;
  #closed = false;

  constructor(r: Reql, settings: Settings) {
    this.#r = r;
    this.#settings = settings;
  }

  read<T>(query: Term, options?: object): Promise<T> {
    return this.#run<T>(query, false, options);
  }

  write<T>(query: Term): Promise<T> {
    return this.#run<T>(query, true);
  }

  /** Calls this once when the present connection is lost. */
  whenLost(lost: () => void): void {
    const line = this.#line;
    if (!line) lost();
    else line.then((present) => present.lost).catch(() => lost());
  }

  /** Gives up the connection, and whatever is under way on it; the next query makes another. */
  async drop(why: EngineError): Promise<void> {
    const line = await this.#line?.catch(() => undefined);
    line?.drop(why);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.drop(new EngineError('ENGINE_CLOSED', 'RethinkDB: the engine was closed'));
  }

  async #run<T>(query: Term, isWrite: boolean, options?: object): Promise<T> {
    const line = await this.#connected();
    const { queryTimeoutMs } = this.#settings;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const message = `RethinkDB: no answer within ${queryTimeoutMs} ms (queryTimeoutMs)`;
        const error = new EngineError('ENGINE_TIMEOUT', message, { retryable: true, outcomeUnknown: isWrite });
        reject(error);
        // Even if it answers other queries: it may be that only what this one needs is out of the server's reach.
        this.#leave(line, error);
      }, queryTimeoutMs);
    });
    try {
      const answer = await Promise.race([query.run(line.connection, options), line.lost, late]);
      // The driver's arrays are cursors as well.
      return (Array.isArray(answer) ? Array.from(answer) : answer) as T;
    } catch (error) {
      throw withOutcome(rethinkDbError(error, isWrite), isWrite);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Gives up a connection, and goes to the next server. */
  #leave(line: Line, why: EngineError): void {
    if (line.drop(why)) this.#next = (this.#next + 1) % this.#settings.servers.length;
  }

  #connected(): Promise<Line> {
    if (this.#closed) throw new EngineError('ENGINE_CLOSED', 'RethinkDB: the engine was closed');
    if (!this.#line) {
      const line = this.#connect();
      this.#line = line;
      // This one alone: the end of an earlier connection may be told while the next is being made.
      line
        .then(({ lost }) => lost)
        .catch(() => {
          if (this.#line === line) this.#line = undefined;
        });
    }
    return this.#line;
  }

  /** Every server in turn, until one answers or time is up. */
  async #connect(): Promise<Line> {
    const deadlineMs = performance.now() + this.#settings.connectTimeoutMs;
    const backoff = new Backoff();
    for (;;) {
      try {
        return await this.#connectTo(this.#next, Math.max(100, deadlineMs - performance.now()));
      } catch (error) {
        const known = rethinkDbError(error, false);
        this.#next = (this.#next + 1) % this.#settings.servers.length;
        if (!known.retryable || this.#closed || performance.now() > deadlineMs) throw known;
      }
      await new Promise((resolve) => setTimeout(resolve, backoff.nextMs()));
    }
  }

  async #connectTo(index: number, withinMs: number): Promise<Line> {
    const { servers, user, password, tls } = this.#settings;
    const { host = 'localhost', port = 28015 } = servers[index] ?? {};
    // Shared fairly: a server that accepts and says nothing must leave time for the others.
    const timeoutMs = withinMs / (servers.length - Math.min(index, servers.length - 1));
    const ssl = tls === false ? {} : { ssl: tls === true ? true : tls };
    const options = { host, port, user, password, timeout: Math.max(0.1, timeoutMs / 1_000), ...ssl };
    const opening = connect(this.#r, options);
    try {
      return lineOf(await within(opening, timeoutMs, `${host}:${port} did not answer`));
    } catch (error) {
      // Nobody waits for it any more.
      opening.then(close, () => {});
      throw error;
    }
  }
}

function lineOf(connection: DriverConnection): Line {
  let isLost = false;
  let lose: (error: unknown) => void = () => {};
  const lost = new Promise<never>((_, reject) => {
    lose = reject;
  });
  lost.catch(() => {});
  const gone = (error: unknown) => {
    isLost = true;
    lose(error);
  };
  const cut = () =>
    gone(new EngineError('ENGINE_UNREACHABLE', 'RethinkDB: the connection was lost', { retryable: true }));
  connection.on('close', cut);
  connection.on('error', cut);
  const drop = (why: EngineError) => {
    const isFirst = !isLost;
    gone(why);
    close(connection);
    return isFirst;
  };
  return { connection, lost, drop };
}

function close(connection: DriverConnection): void {
  connection.close({ noreplyWait: false }).catch(() => {});
}

/** A lost connection says nothing of what it was lost for. */
function withOutcome(error: EngineError, isWrite: boolean): EngineError {
  const isLost = error.code === 'ENGINE_UNREACHABLE' || error.code === 'ENGINE_TIMEOUT';
  if (!isWrite || error.outcomeUnknown || !isLost) return error;
  return new EngineError(error.code, error.message, { cause: error.cause, retryable: true, outcomeUnknown: true });
}

function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () =>
      reject(
        new EngineError('ENGINE_UNREACHABLE', `RethinkDB: ${what} within ${Math.round(ms)} ms`, { retryable: true }),
      );
    const timer = setTimeout(late, ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
