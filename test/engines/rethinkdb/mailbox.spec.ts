import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineError } from 'omniscient-nest';
import { Connections } from '../../../lib/engines/rethinkdb/connections/connections.js';
import { loadDriver, type Reql } from '../../../lib/engines/rethinkdb/connections/driver.js';
import { FeedConnection } from '../../../lib/engines/rethinkdb/connections/feed-connection.js';
import { type Settings, settingsOf } from '../../../lib/engines/rethinkdb/connections/options.js';
import { Mailbox } from '../../../lib/engines/rethinkdb/tables/mailbox.js';
import { type Packet, PacketInbox } from '../../../lib/engines/rethinkdb/tables/packet-inbox.js';
import { describeWithRethinkDb, engineOn, RethinkDbProcess, stopRethinkDb } from '../../support/rethinkdb.js';

/** Knows how many changefeeds are followed. */
class CountingLine extends FeedConnection {
  followed = 0;

  override async follow(...args: Parameters<FeedConnection['follow']>): Promise<() => void> {
    const stop = await super.follow(...args);
    this.followed += 1;
    return () => {
      this.followed -= 1;
      stop();
    };
  }
}

/** Reads when and if the spec lets it. */
class GuardedConnections extends Connections {
  mayRead: () => Promise<void> = async () => {};

  override async read<T>(...args: Parameters<Connections['read']>): Promise<T> {
    await this.mayRead();
    return super.read<T>(...args);
  }
}

describeWithRethinkDb('the mailbox of a node', () => {
  let r: Reql;
  let settings: Settings;
  let connections: GuardedConnections;
  let line: CountingLine;
  let mailbox: Mailbox;

  beforeAll(async () => {
    const server = await RethinkDbProcess.start();
    await engineOn(server).open();
    r = await loadDriver();
    settings = settingsOf({ servers: [server] });
    connections = new GuardedConnections(r, settings);
    line = new CountingLine(new Connections(r, settings));
    mailbox = new Mailbox(r, r.db('omniscient'), connections, line);
  });
  afterAll(async () => {
    mailbox.close();
    await line.close();
    await connections.close();
    await stopRethinkDb();
  });

  it('hears nothing any more when it could not be opened, and can be opened again', async () => {
    connections.mayRead = () =>
      Promise.reject(new EngineError('ENGINE_TIMEOUT', 'RethinkDB: no answer', { retryable: true }));
    for (let i = 0; i < 3; i += 1)
      await expect(mailbox.receive('n', () => {})).rejects.toMatchObject({ code: 'ENGINE_TIMEOUT' });
    expect(line.followed).toBe(0);

    connections.mayRead = async () => {};
    const stop = await mailbox.receive('n', () => {});
    expect(line.followed).toBe(1);
    stop();
    expect(line.followed).toBe(0);
  });

  it('hears nothing any more when it is closed while it is being opened', async () => {
    let go: () => void = () => {};
    const asked = new Promise<void>((askedFor) => {
      connections.mayRead = () =>
        new Promise((resolve) => {
          go = resolve;
          askedFor();
        });
    });
    const receiving = mailbox.receive('n', () => {});
    await asked;
    mailbox.close();
    go();
    await receiving;
    expect(line.followed).toBe(0);
  });
});

describe('the box of a receiver', () => {
  it('does not go through all it remembers for each packet that comes', async () => {
    let delivered = 0;
    const box = new PacketInbox(
      () => {
        delivered += 1;
      },
      async () => [],
      async () => {},
    );
    await box.skipOld();
    const packets = Array.from({ length: 12_000 }, (_, i): Packet => {
      return { id: `p${i}`, to: 'n', sender: 's', number: i + 1, texts: ['x'] };
    });
    let steps = 0;
    const iterate = Set.prototype[Symbol.iterator];
    Set.prototype[Symbol.iterator] = function* counted(this: Set<unknown>) {
      for (const value of { [Symbol.iterator]: () => iterate.call(this) }) {
        steps += 1;
        yield value;
      }
    } as typeof iterate;
    try {
      for (const packet of packets) box.heard({ new_val: packet });
    } finally {
      Set.prototype[Symbol.iterator] = iterate;
      box.close();
    }
    expect(delivered).toBe(packets.length);
    expect(steps).toBeLessThanOrEqual(packets.length);
  });
});
