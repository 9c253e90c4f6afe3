import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Actor, EngineError, EventHandler, LiveActor } from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { ActorClass } from '../../../lib/kernel/declaring/actor.js';
import { defineActor } from '../../../lib/kernel/defining/actor-definition.js';
import type { Runtime } from '../../../lib/runtime/node/runtime.js';
import { patientMs } from '../../support/machine-speed.js';
import { Desk } from '../../support/one-actors.js';
import { silent, startNode, WeatheredEngine } from '../../support/runtime.js';

/** Longest that a shutdown may take here, in milliseconds: far more than it needs, far less than for ever. */
const ENDS_MS_MAX = 10_000;
const never = () => new Promise<void>(() => {});

/** Those whose id begins with 'hangs' never let go. */
@Actor()
class Guest extends LiveActor<{ left: boolean }, { left: object; hung: object }> {
  initialState() {
    return { left: false };
  }
  override async onPassivate(): Promise<void> {
    if (this.id.startsWith('hangs')) {
      this.fire('hung');
      await never();
    }
    await sleep(5);
    this.fire('left');
  }
  @EventHandler() left() {
    this.state.left = true;
  }
}

/** How long it took to stop, in milliseconds. */
async function stopped(node: Runtime): Promise<number> {
  const sinceMs = performance.now();
  const late = new AbortController();
  const timeout = sleep(patientMs(ENDS_MS_MAX), 'never', { signal: late.signal }).catch(() => {});
  expect(await Promise.race([node.stop().then(() => 'stopped'), timeout])).toBe('stopped');
  late.abort();
  return performance.now() - sinceMs;
}

const namesIn = (store: MemoryStore, id: string) => (store.streams.get(id) ?? []).map(({ name }) => name);

describe('shutdown ends', () => {
  it('though an onPassivate hangs: it is cut off and named, and all others run to their ends', async () => {
    const store = new MemoryStore();
    const errors: string[] = [];
    const log = { ...silent, error: (message: string) => errors.push(message) };
    const { node, actors } = await startNode(Guest, {
      engine: new MemoryEngine({ store }),
      log,
      shutdownTimeoutMs: 900,
    });
    for (const id of ['a', 'hangs-1', 'b', 'hangs-2', 'c']) await actors.get(id);
    expect(await stopped(node)).toBeGreaterThan(890);
    expect(['a', 'b', 'c'].map((id) => namesIn(store, id))).toEqual([['left'], ['left'], ['left']]);
    expect(['hangs-1', 'hangs-2'].map((id) => namesIn(store, id))).toEqual([[], []]);
    for (const id of ['hangs-1', 'hangs-2']) {
      expect(errors.filter((error) => error.startsWith(`Guest '${id}': onPassivate`)).join()).toMatch(/900 ms/);
    }
    expect(errors.join()).not.toMatch(/Guest '[abc]'/);
    expect(node.residents).toBe(0);
  });

  it('at once when no hook hangs', async () => {
    const store = new MemoryStore();
    const engine = new MemoryEngine({ store });
    const { node, actors } = await startNode(Guest, { engine, shutdownTimeoutMs: 600_000 });
    await actors.get('a');
    await stopped(node);
    expect(namesIn(store, 'a')).toEqual(['left']);
  });

  it('though an onActivate hangs, or can not be stored', async () => {
    let begun = () => {};
    @Actor()
    class Opens extends LiveActor<object, { opened: object }> {
      initialState() {
        return {};
      }
      override async onActivate(): Promise<void> {
        this.fire('opened');
        begun();
        if (this.id === 'hangs') await never();
      }
    }
    for (const id of ['hangs', 'refused']) {
      const engine = new WeatheredEngine({ refuse: () => true });
      const { node, actors } = await startNode(Opens, { engine, shutdownTimeoutMs: 50 });
      const isLoading = new Promise<void>((resolve) => {
        begun = resolve;
      });
      actors.get(id).catch(() => {});
      await isLoading;
      await stopped(node);
    }
  });

  it('though the engine never let the node join the others', async () => {
    class NoBeats extends MemoryEngine {
      override async beat(): Promise<void> {
        throw new EngineError('ENGINE_UNREACHABLE', 'no server answers', { retryable: true });
      }
    }
    const { node } = await startNode(Desk, { engine: new NoBeats(), shutdownTimeoutMs: 50 });
    await stopped(node);
  });

  it('though what an actor wants injected never comes', async () => {
    const { node } = await startNode(Guest, { shutdownTimeoutMs: 50 });
    @Actor()
    class Waits extends LiveActor<object, object> {
      initialState() {
        return {};
      }
    }
    const waiting = node.register(defineActor(Waits as ActorClass), () => never() as never);
    waiting.get('w').catch(() => {});
    await stopped(node);
  });
});
