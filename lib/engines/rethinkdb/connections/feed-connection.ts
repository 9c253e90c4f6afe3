import { EngineError } from '../../../kernel/values/index.js';
import type { Connections } from './connections.js';
import type { DriverCursor, Term } from './driver.js';

/**
 * The connection of all changefeeds. It is separate from that of queries, so that a slow reader never delays a query.
 */
export class FeedConnection {
  readonly #connections: Connections;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  /** Follows a changefeed until it is stopped or lost. */
  async follow(query: Term, onItem: (item: unknown) => void, lost: () => void): Promise<() => void> {
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
      else onItem(item);
      return true;
    }, end);
    const stopListening = this.#connections.whenLost(end);
    return () => {
      over = true;
      stopListening();
      cursor.close().catch(() => {});
    };
  }

  /** Reopens all feeds on the next server, because this one silently missed something. */
  drop(): Promise<void> {
    const message = 'RethinkDB: a changefeed missed a change, so it is opened again on the next server';
    return this.#connections.drop(new EngineError('ENGINE_UNREACHABLE', message, { retryable: true }));
  }

  close(): Promise<void> {
    return this.#connections.close();
  }
}
