import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Connections } from '../../lib/engines/rethinkdb/connections.js';
import type { Reql, Term } from '../../lib/engines/rethinkdb/driver.js';
import { settingsOf } from '../../lib/engines/rethinkdb/options.js';

/** A connection that opens, and tells of its end, when the spec wants it. */
class SlowConnection extends EventEmitter {
  open = false;
  closings = 0;

  constructor(
    readonly port: number,
    readonly opened: (error: unknown) => void,
  ) {
    super();
  }

  async close(): Promise<void> {
    this.open = false;
    this.closings += 1;
  }
}

function network() {
  const all: SlowConnection[] = [];
  const TcpConnection = class {
    constructor({ port }: { port: number }, opened: (error: unknown) => void) {
      const connection = new SlowConnection(port, opened);
      all.push(connection);
      // biome-ignore lint/correctness/noConstructorReturn: the driver's own class is stood in for by one with another constructor
      return connection;
    }
  };
  const openAll = async () => {
    // The last one first: that is when one that should not be there does harm.
    for (const connection of [...all].reverse()) {
      if (connection.open || connection.closings > 0) continue;
      connection.open = true;
      connection.opened(null);
      await sleep(1);
    }
  };
  return { r: { net: { TcpConnection } } as unknown as Reql, all, openAll };
}

const answering = (text: string) =>
  ({ run: async (connection: SlowConnection) => (connection.open ? text : new Promise(() => {})) }) as unknown as Term;
const silent = { run: () => new Promise(() => {}) } as unknown as Term;
const servers = [{ port: 1 }, { port: 2 }, { port: 3 }];

describe('a connection that comes back by itself', () => {
  it('makes one at a time, and another when that is lost, however late the end of the one before is told', async () => {
    const { r, all, openAll } = network();
    const connections = new Connections(r, settingsOf({ servers, queryTimeoutMs: 20, connectTimeoutMs: 2_000 }));
    const late = connections.write(silent).catch((error: unknown) => error);
    await openAll();
    expect(await late).toMatchObject({ code: 'ENGINE_TIMEOUT', outcomeUnknown: true });
    const first = connections.read(answering('one'));
    // The end of the connection that was given up is told only now.
    all[0]?.emit('close');
    const second = connections.read(answering('two'));
    await openAll();
    expect(await Promise.all([first, second])).toEqual(['one', 'two']);
    expect(all).toHaveLength(2);

    for (const connection of all) connection.emit('close');
    await sleep(1);
    const third = connections.read(answering('three'));
    await sleep(1);
    await openAll();
    expect(await third).toBe('three');
    await connections.close();
  });

  it('goes to the next server after one that gave no answer, and on from there', async () => {
    const { r, all, openAll } = network();
    const connections = new Connections(r, settingsOf({ servers, queryTimeoutMs: 20 }));
    for (let i = 0; i < 4; i += 1) {
      const late = [1, 2].map(() => connections.read(silent).catch((error: unknown) => error));
      await sleep(1);
      await openAll();
      expect(await Promise.all(late)).toMatchObject([{ code: 'ENGINE_TIMEOUT' }, { retryable: true }]);
    }
    expect(all.map(({ port }) => port)).toEqual([1, 2, 3, 1]);
    await connections.close();
  });

  it('closes what opens after nobody waits for it any more', async () => {
    const { r, all, openAll } = network();
    const connections = new Connections(r, settingsOf({ servers: [{ port: 1 }], connectTimeoutMs: 150 }));
    await expect(connections.read(answering('x'))).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' });
    await openAll();
    await sleep(5);
    expect(all.every(({ closings }) => closings === 1)).toBe(true);
    await connections.close();
  });
});
