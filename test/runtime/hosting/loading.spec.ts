import { afterEach, describe, expect, it } from '@jest/globals';
import { Actor, EngineError, EventHandler, LiveActor } from 'omniscient-nest';
import { MemoryEngine } from 'omniscient-nest/memory';
import type { Runtime } from '../../../lib/runtime/node/runtime.js';
import { Desk } from '../../support/one-actors.js';
import { startNode, WeatheredEngine } from '../../support/runtime.js';

/** Its reads fail so many times. */
class DownEngine extends MemoryEngine {
  reads = 0;

  constructor(
    private failures: number,
    private readonly error = new EngineError('ENGINE_UNAVAILABLE', 'the servers elect', { retryable: true }),
  ) {
    super();
  }

  override async readStream(...args: Parameters<MemoryEngine['readStream']>) {
    this.reads += 1;
    this.failures -= 1;
    if (this.failures >= 0) throw this.error;
    return super.readStream(...args);
  }
}

let node: Runtime | undefined;
afterEach(() => node?.stop());

async function startOn(engine: DownEngine, commitTimeoutMs: number) {
  const warnings: string[] = [];
  const log = { warn: (text: string) => void warnings.push(text), error: () => {} };
  const started = await startNode(Desk, { engine, commitTimeoutMs, log });
  node = started.node;
  return { desks: started.actors, warnings };
}

@Actor()
class Opens extends LiveActor<{ times: number }, { opened: object }> {
  initialState() {
    return { times: 0 };
  }
  override onActivate(): void {
    this.fire('opened');
  }
  @EventHandler() opened() {
    this.state.times += 1;
  }
}

describe('an actor that is loaded while the engine is down for a moment', () => {
  it('is there as soon as the engine is, for all who asked, and the log says so once', async () => {
    const { desks, warnings } = await startOn(new DownEngine(5), 10_000);
    const [one, other] = await Promise.all([desks.get('opera'), desks.get('opera')]);
    expect(await one.sell('anna')).toBe(1);
    expect(await other.sell('bert')).toBe(2);
    expect(warnings.filter((text) => text.includes('could not be loaded'))).toHaveLength(1);
  });

  it('is waited for no longer than a commit is', async () => {
    const { desks } = await startOn(new DownEngine(Number.POSITIVE_INFINITY), 200);
    await expect(desks.get('opera')).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE', retryable: true });
  });

  it('is waited for no longer if what its onActivate fires can not be stored, also when it is the first of its node', async () => {
    let isDown = true;
    const engine = new WeatheredEngine({ refuse: () => isDown });
    const { node: started, actors } = await startNode(Opens, { engine, commitTimeoutMs: 400, shutdownTimeoutMs: 100 });
    node = started;
    await expect(actors.get('shop')).rejects.toMatchObject({ code: 'COMMIT_TIMEOUT' });
    isDown = false;
    const shop = await actors.get('shop');
    expect([shop.state.times, shop.version]).toEqual([1, 1]);
  });

  it('is not tried again where that does not help', async () => {
    const engine = new DownEngine(1, new EngineError('COMMIT_UNREADABLE', 'changed by hand'));
    const { desks } = await startOn(engine, 10_000);
    await expect(desks.get('opera')).rejects.toMatchObject({ code: 'COMMIT_UNREADABLE' });
    expect(engine.reads).toBe(1);
  });
});
