import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Actor, Command, EventHandler, ListenTo, LiveActor, TickActor } from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { firstValueFrom, take, toArray } from 'rxjs';
import type { Runtime } from '../../../lib/runtime/node/runtime.js';
import { Counter } from '../../support/actors.js';
import { Desk } from '../../support/one-actors.js';
import { startNode, WeatheredEngine } from '../../support/runtime.js';

@Actor()
class Follower extends LiveActor<{ heard: number }, { heard: object }> {
  initialState() {
    return { heard: 0 };
  }
  @Command() follow(id: string) {
    this.listenTo(id, () => this.fire('heard'));
  }
  @ListenTo({ events: ['reset'], to: () => 'follower' }) onReset() {
    this.fire('heard');
  }
  @EventHandler() heard() {
    this.state.heard += 1;
  }
}

@Actor()
class Pulse extends TickActor<{ ticks: number }, object> {
  initialState() {
    return { ticks: 0 };
  }
  @Command() begin() {
    this.startTicking({ everyMs: 10, count: 3 });
  }
  @EventHandler() tick() {
    this.state.ticks += 1;
  }
}

let folder: string;
const nodes: Runtime[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'omniscient-timers-'));
  // Everything that a test runner can take away, and nothing lets it pass: whoever looks for it in the globals only now waits for ever.
  jest.useFakeTimers();
});
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
  jest.useRealTimers();
  rmSync(folder, { recursive: true });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

describe.each(['memory', 'sqlite'] as const)('while a test runner fakes all timers, on %s', (kind) => {
  function newStore() {
    const store = new MemoryStore();
    const file = join(folder, 'events.db');
    return () => (kind === 'memory' ? new MemoryEngine({ store }) : new SqliteEngine({ file }));
  }

  async function start(engine = newStore()()) {
    const started = await startNode(Counter, { engine, heartbeatTimeoutMs: 500 });
    nodes.push(started.node);
    return started;
  }

  it('timers are faked', () => {
    const before = Date.now();
    expect(
      [setTimeout, globalThis.setImmediate, queueMicrotask, process.nextTick].every((each) => 'clock' in each),
    ).toBe(true);
    expect(Date.now()).toBe(before);
  });

  it('commands that conflict on two nodes are stored, and both nodes see all', async () => {
    const newEngine = newStore();
    const [a, b] = [await start(newEngine()), await start(newEngine())];
    const [one, other] = [await a.actors.get('x'), await b.actors.get('x')];
    await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? one : other).add(1)));
    await until(() => one.state.count === 20 && other.state.count === 20);
  });

  it('what is listened to is heard, in code and by name', async () => {
    const { actors, also, node } = await start();
    const followers = also(Follower);
    await node.begin();
    const follower = await followers.get('follower');
    const counter = await actors.get('x');
    await follower.follow('x');
    await counter.add(1);
    await until(() => follower.state.heard === 1);
    await counter.fire('reset');
    await until(() => follower.state.heard >= 2);
  });

  it('commands are forwarded to leaders, and actors tick', async () => {
    const newEngine = newStore();
    const [a, b] = [await start(newEngine()), await start(newEngine())];
    const [desk, far] = [await a.also(Desk).get('opera'), await b.also(Desk).get('opera')];
    expect(await desk.sell('anna')).toBe(1);
    expect(await far.sell('bert')).toBe(2);
    const pulse = await a.also(Pulse).get('pulse');
    await pulse.begin();
    await until(() => pulse.state.ticks === 3);
  });

  it('subscriptions, iterations and replays give what is there and what comes, loads wait for what is idle, and it ends', async () => {
    const { actors, node } = await start();
    const counter = await actors.get('x');
    for (let i = 0; i < 5; i += 1) await counter.add(1);
    const live = firstValueFrom(node.subscriptions.all$().pipe(take(7), toArray()));
    await counter.add(1);
    await counter.add(1);
    expect(await live).toHaveLength(7);
    let read = 0;
    for await (const _ of node.subscriptions.stream$('x')) if ((read += 1) === 7) break;
    for await (const { state } of actors.replay('x')) read = state.count;
    expect(read).toBe(7);
    counter.release();
    expect((await actors.get('x')).state.count).toBe(7);
    await node.stop();
  });
});

describe('while a test runner fakes all timers', () => {
  it('what fails for a moment is tried again', async () => {
    let failures = 3;
    const engine = new WeatheredEngine({ refuse: () => (failures -= 1) >= 0 });
    const { node, actors } = await startNode(Counter, { engine });
    nodes.push(node);
    expect(await (await actors.get('x')).add(1)).toBe(1);
  });
});
