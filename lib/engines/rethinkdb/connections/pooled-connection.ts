import type { Environment } from '../../../engine/environment/index.js';
import { EngineError } from '../../../kernel/values/index.js';
import type { DriverConnection } from './driver.js';

/** One established connection. It knows whom to call when it is lost, and whether its server is of any use. */
export class PooledConnection {
  readonly connection: DriverConnection;
  readonly #environment: Environment;
  /**
   * Only listeners of queries under way. A promise that all of them shared would keep every answer for as long as the
   * connection lasts.
   */
  readonly #listeners = new Set<(why: EngineError) => void>();
  #lost: EngineError | undefined;
  #refusedSinceMs: number | undefined;

  constructor(connection: DriverConnection, environment: Environment) {
    this.connection = connection;
    this.#environment = environment;
    const cut = () =>
      this.#end(new EngineError('ENGINE_UNREACHABLE', 'RethinkDB: the connection was lost', { retryable: true }));
    connection.on('close', cut);
    connection.on('error', cut);
  }

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /**
   * Calls `listener` once when the connection is lost, or at once if it already is, unless `stopListening` comes first.
   */
  whenLost(listener: (why: EngineError) => void): void {
    if (this.#lost) listener(this.#lost);
    else this.#listeners.add(listener);
  }

  stopListening(listener: (why: EngineError) => void): void {
    this.#listeners.delete(listener);
  }

  /** Gives up the connection. @returns whether it was still good. */
  drop(why: EngineError): boolean {
    const wasGood = !this.#lost;
    this.#end(why);
    close(this.connection);
    return wasGood;
  }

  /** To be called when the server did what it was asked. */
  answered(): void {
    this.#refusedSinceMs = undefined;
  }

  /**
   * To be called when the server refused because other servers are down.
   *
   * @returns for how long it has only refused, in milliseconds.
   */
  refused(): number {
    const nowMs = this.#environment.monotonicMs();
    this.#refusedSinceMs ??= nowMs;
    return nowMs - this.#refusedSinceMs;
  }

  #end(why: EngineError): void {
    if (this.#lost) return;
    this.#lost = why;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener(why);
  }
}

export function close(connection: DriverConnection): void {
  connection.close({ noreplyWait: false }).catch(() => {});
}
