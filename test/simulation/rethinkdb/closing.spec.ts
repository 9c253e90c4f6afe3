import { setImmediate } from 'node:timers';
import { expect, it } from '@jest/globals';
import type { AppendResult } from '../../../lib/engine/duties/append.js';
import { CLOSE_MS_MAX, RethinkDbEngine } from '../../../lib/engines/rethinkdb/rethink-db-engine.js';
import type { EngineError } from '../../../lib/kernel/values/errors.js';
import { Chance } from './chance.js';
import { truthOf } from './checks.js';
import { Cluster } from './cluster.js';
import { Machine } from './machine.js';
import { Network } from './network.js';
import { simulatedDriver } from './simulated-driver.js';
import { VirtualTime } from './virtual-time.js';

/** How late an end may be told: turns of the loop, and timers that are a little late. Milliseconds. */
const LATE_MS = 100;
const APPENDS = 20;

interface Ended {
  readonly result?: AppendResult;
  readonly error?: EngineError;
}

it.each([0, 0.2, 1, 3, 10, 40])(
  'an engine whose servers say nothing any more is closed in time, and what was sent is said to be in doubt (frozen after %d ms)',
  async (afterMs) => {
    const time = new VirtualTime();
    const chance = new Chance(7);
    const cluster = new Cluster(time, chance.fork(), 3);
    const network = new Network(cluster, chance.fork());
    const machine = new Machine('n0', time, chance.fork());
    const servers = cluster.servers.map(({ name }) => ({ host: name }));
    const options = { servers, environment: machine, warn: () => {} };
    const engine = new RethinkDbEngine(options, () => simulatedDriver(network, machine));
    let isOpen = false;
    void engine.open().then(() => {
      isOpen = true;
    });
    while (!isOpen) await time.runUntil(time.nowMs + 250);

    const ended = new Map<string, Ended>();
    for (let i = 0; i < APPENDS; i += 1) {
      const event = { id: machine.uuid(), name: 'one', data: '{}', metadata: '{}' };
      const request = { streamId: `s${i}`, expectedVersion: i % 2 ? 0 : ('any' as const), events: [event] };
      engine.append(request).then(
        (result) => ended.set(event.id, { result }),
        (error: EngineError) => ended.set(event.id, { error }),
      );
    }
    await time.runUntil(time.nowMs + afterMs);
    for (const { index } of cluster.servers) cluster.freeze(index);
    let closedMs = Number.NaN;
    const beganMs = time.nowMs;
    void engine.close().then(() => {
      closedMs = time.nowMs;
    });
    await time.runUntil(beganMs + CLOSE_MS_MAX + LATE_MS);
    // What follows from the last call.
    await new Promise((resolve) => setImmediate(resolve));
    expect(closedMs - beganMs).toBeLessThanOrEqual(CLOSE_MS_MAX + LATE_MS);
    expect(ended.size).toBe(APPENDS);

    for (const { index } of cluster.servers) cluster.thaw(index);
    await time.runUntil(time.nowMs + 30_000);
    const stored = new Set([...truthOf(cluster).streams.values()].flat());
    for (const [id, { result, error }] of ended) {
      if (result?.kind === 'appended') expect(stored).toContain(id);
      else if (stored.has(id)) expect(error).toMatchObject({ outcomeUnknown: true });
    }
  },
);
