import { afterEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, EventHandler, ListenTo, LiveActor, OneActor, TickActor, Upcast } from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import { z } from 'zod';
import type { ActorBase } from '../../../lib/kernel/declaring/actor.js';
import type { Runtime } from '../../../lib/runtime/node/runtime.js';
import { eventually } from '../../support/eventually.js';
import { startNode } from '../../support/runtime.js';

type Anything = Record<string, unknown>;

@Actor()
class Writer extends LiveActor<object, Anything> {
  initialState() {
    return {};
  }
}

@Actor()
class Reader extends LiveActor<{ read: number }, { read: object }> {
  initialState() {
    return { read: 0 };
  }
  @EventHandler() read() {
    this.state.read += 1;
  }
}

/** What the first two do not know, in every way in which a class can know it. */
@Actor({ schemas: { declared: z.object({}) }, ignores: ['ignored'] })
class Knower extends LiveActor<object, { handled: object; declared: object }> {
  initialState() {
    return {};
  }
  @Upcast('renamed', { to: 'handled' }) static renamed() {
    return {};
  }
  @EventHandler() handled() {}
  @ListenTo({ events: ['heard'] }) onHeard(_event: object) {}
}

@Actor({ prefix: 'one-' })
class One extends OneActor<object, { done: object }> {
  initialState() {
    return {};
  }
  @Command() act(): void {
    this.fire('done');
  }
  @EventHandler() done() {}
}

@Actor({ prefix: 'tick-' })
class Ticker extends TickActor<object, object> {
  initialState() {
    return {};
  }
  @Command() begin(): void {
    this.startTicking({ everyMs: 10, count: 2 });
  }
}

const nodes: Runtime[] = [];
let store = new MemoryStore();
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
  store = new MemoryStore();
});

async function start<A extends ActorBase<object, object>>(actorClass: new () => A) {
  const warnings: string[] = [];
  const log = { warn: (message: string) => warnings.push(message), error: () => {} };
  const started = await startNode(actorClass, { engine: new MemoryEngine({ store }), log });
  nodes.push(started.node);
  return { ...started, warnings };
}

describe('events that no class knows', () => {
  it('are kept and skipped, with one warning a name, when they are loaded', async () => {
    const { actors: writers } = await start(Writer);
    for (const id of ['a', 'b']) {
      const writer = await writers.get(id);
      for (const name of ['read', 'gone', 'gone', 'lost']) await writer.fire(name, {});
    }
    const { actors, warnings, node } = await start(Reader);
    for (const id of ['a', 'b']) expect((await actors.get(id)).state).toEqual({ read: 1 });
    expect(warnings).toEqual([
      expect.stringContaining("the event 'gone'"),
      expect.stringContaining("the event 'lost'"),
    ]);
    expect(warnings[0]).toMatch(/seen by Reader, in stream 'a'.*@Actor\(\{ ignores: \['gone'\] \}\)/);
    expect(await node.parts.engine.streamVersion('a')).toBe(4);
  });

  it('are also told when they come live', async () => {
    const { actors, warnings } = await start(Reader);
    const reader = await actors.get('a');
    const { actors: writers } = await start(Writer);
    await (await writers.get('a')).fire('news', {});
    await eventually(() => reader.version >= 1);
    expect(warnings).toEqual([expect.stringContaining("'news'")]);
  });

  it('are not warned of by who fires them', async () => {
    const { actors, warnings } = await start(Writer);
    await (await actors.get('a')).fire('own', {});
    expect(warnings).toEqual([]);
  });
});

describe('events that another class knows', () => {
  it.each(['handled', 'renamed', 'declared', 'ignored', 'heard'])('are no cause for a warning: %s', async (name) => {
    const { actors: writers } = await start(Writer);
    await (await writers.get('a')).fire(name, {});
    const { actors, also, warnings } = await start(Reader);
    also(Knower);
    await actors.get('a');
    expect(warnings).toEqual([]);
  });

  it("are the framework's own, too", async () => {
    const { actors, also } = await start(One);
    await (await actors.get('a')).act();
    const ticker = await also(Ticker).get('a');
    await ticker.begin();
    await eventually(() => ticker.version >= 3);
    const again = await start(One);
    again.also(Ticker);
    await (await again.actors.get('a')).confirmed;
    expect((await again.also(Ticker).get('a')).version).toBeGreaterThanOrEqual(3);
    expect(again.warnings.filter((warning) => warning.includes('no actor of this process'))).toEqual([]);
  });
});
