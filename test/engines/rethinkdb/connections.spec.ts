import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { EngineError } from 'omniscient-nest';
import { Connections, REFUSED_MS_MAX } from '../../../lib/engines/rethinkdb/connections/connections.js';
import type { Reql, Term } from '../../../lib/engines/rethinkdb/connections/driver.js';
import { settingsOf } from '../../../lib/engines/rethinkdb/connections/options.js';

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
/** What a server says that is cut off from the majority: to a read, and to an insert. */
const refusing = {
  run: () => Promise.reject({ name: 'ReqlOpFailedError', msg: 'Cannot perform read: primary replica not available' }),
} as unknown as Term;
const inserting = {
  run: async () => ({ errors: 1, first_error: 'Cannot perform write: primary replica not available' }),
} as unknown as Term;
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

  it('keeps nothing of an answer once it was given', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const { r, openAll } = network();
    const connections = new Connections(r, settingsOf({ servers }));
    const answers: WeakRef<object>[] = [];
    const large = {
      run: async () => {
        const answer = { large: true };
        answers.push(new WeakRef(answer));
        return answer;
      },
    } as unknown as Term;
    const first = connections.read(large);
    await openAll();
    await first;
    for (let i = 0; i < 100; i += 1) await connections.read(large);
    // What was made in a turn of the event loop is kept to its end.
    await sleep(1);
    collectGarbage();
    expect(answers.filter((answer) => answer.deref()).length).toBeLessThan(5);
    await connections.close();
  });

  it('keeps nothing of who listened to its end and stopped', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const { r, openAll } = network();
    const connections = new Connections(r, settingsOf({ servers }));
    const first = connections.read(answering('one'));
    await openAll();
    await first;
    const listeners: WeakRef<object>[] = [];
    for (let i = 0; i < 100; i += 1) {
      const listener = () => {};
      listeners.push(new WeakRef(listener));
      connections.whenLost(listener)();
    }
    await sleep(1);
    collectGarbage();
    expect(listeners.filter((listener) => listener.deref()).length).toBeLessThan(5);
    await connections.close();
  });

  it.each([
    ['reads', (connections: Connections) => connections.read(refusing).catch(() => {})],
    ['writes', (connections: Connections) => connections.write(inserting)],
  ])('leaves a server that for a while only refuses %s', async (_, ask) => {
    const { r, all, openAll } = network();
    const connections = new Connections(r, settingsOf({ servers }));
    const opening = connections.read(answering('one'));
    await openAll();
    await opening;
    const waiting = connections.write(silent).catch((error: unknown) => error);
    const beganMs = performance.now();
    while (all[0]?.closings === 0) {
      await ask(connections);
      await sleep(5);
    }
    expect(performance.now() - beganMs).toBeGreaterThanOrEqual(REFUSED_MS_MAX);
    // Nobody knows whether that was done.
    expect(await waiting).toMatchObject({ code: 'ENGINE_UNREACHABLE', retryable: true, outcomeUnknown: true });
    const next = connections.read(answering('two'));
    await openAll();
    expect(await next).toBe('two');
    expect(all.map(({ port }) => port)).toEqual([1, 2]);
    await connections.close();
  });

  it('stays with a server that refuses something and does something, and with the only one', async () => {
    const several = network();
    const connections = new Connections(several.r, settingsOf({ servers }));
    const one = network();
    const only = new Connections(one.r, settingsOf({ servers: [{ port: 1 }] }));
    const opening = [connections.read(answering('one')), only.read(answering('one'))];
    await several.openAll();
    await one.openAll();
    await Promise.all(opening);
    const beganMs = performance.now();
    while (performance.now() - beganMs < REFUSED_MS_MAX * 1.5) {
      await expect(connections.read(refusing)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
      await expect(only.read(refusing)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
      await connections.read(answering('something'));
      await sleep(5);
    }
    expect([several, one].map(({ all }) => all.map(({ port, closings }) => [port, closings]))).toEqual([
      [[1, 0]],
      [[1, 0]],
    ]);
    await connections.close();
    await only.close();
  });

  it('goes to the next server when the connection is given up', async () => {
    const { r, all, openAll } = network();
    const connections = new Connections(r, settingsOf({ servers }));
    for (let i = 0; i < 4; i += 1) {
      const answer = connections.read(answering('x'));
      await openAll();
      await answer;
      await connections.drop(new EngineError('ENGINE_UNREACHABLE', 'it says nothing', { retryable: true }));
    }
    expect(all.map(({ port }) => port)).toEqual([1, 2, 3, 1]);
    await connections.close();
  });
});
