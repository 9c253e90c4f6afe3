import { Connections } from '../../lib/engines/rethinkdb/connections/connections.js';

/** Counts questions to the server. */
export class CountingConnections extends Connections {
  reads = 0;

  override read<T>(...args: Parameters<Connections['read']>): Promise<T> {
    this.reads += 1;
    return super.read<T>(...args);
  }

  override readWhile<T>(
    query: Parameters<Connections['readWhile']>[0],
    wantsMore: (item: T) => boolean,
    options?: object,
  ): Promise<void> {
    this.reads += 1;
    return super.readWhile(query, wantsMore, options);
  }
}
