import { Connections } from '../../lib/engines/rethinkdb/connections.js';

/** Counts questions to the server. */
export class CountingConnections extends Connections {
  reads = 0;

  override read<T>(...args: Parameters<Connections['read']>): Promise<T> {
    this.reads += 1;
    return super.read<T>(...args);
  }
}
