import { EngineError } from '../../../kernel/values/errors.js';
import type { Connections } from './connections.js';
import type { DriverCursor, Term } from './driver.js';

/** The connection of all changefeeds: one of their own, so that a slow reader never holds up a query. */
export class FeedConnection {
  readonly #connections: Connections;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  /** Follows a changefeed until it is stopped or lost. */
  async follow(query: Term, heard: (item: unknown) => void, lost: () => void): Promise<() => void> {
    const cursor = await this.#connections.read<DriverCursor>(query);
    let over = false;
    const end = () => {
      if (over) return;
      over = true;
      lost();
    };
    cursor.each((error, item) => {
      if (over) return false;
      if (error) end();
      else heard(item);
      return true;
    }, end);
    const stopListening = this.#connections.whenLost(end);
    return () => {
      over = true;
      stopListening();
      cursor.close().catch(() => {});
    };
  }

  /** Something was missed in silence: all feeds are opened anew, on the next server. */
  drop(): Promise<void> {
    const message = 'RethinkDB: a changefeed said nothing of something that happened';
    return this.#connections.drop(new EngineError('ENGINE_UNREACHABLE', message, { retryable: true }));
  }

  close(): Promise<void> {
    return this.#connections.close();
  }
}
