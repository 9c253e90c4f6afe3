import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Actor, Command, OneActor } from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { Runtime, RuntimeOptions } from '../../../lib/runtime/node/runtime.js';
import { startNode } from '../../support/runtime.js';

/** Whether what the actor uses is there. */
let isReady = false;

@Actor({ ignores: ['asked'] })
class Clerk extends OneActor<object, { asked: object }> {
  initialState() {
    return {};
  }
  @Command() ask(): boolean {
    this.fire('asked', {});
    return isReady;
  }
}

let running: Runtime[] = [];
afterEach(async () => {
  await Promise.all(running.map((node) => node.stop()));
  running = [];
});

async function start(options: Partial<RuntimeOptions>) {
  const started = await startNode(Clerk, options);
  running.push(started.node);
  return started;
}

describe('a node on which not everything is ready yet', () => {
  const together = async () => {
    isReady = false;
    const store = new MemoryStore();
    const starting = await start({ engine: new MemoryEngine({ store }), waitsForBegin: true });
    const other = await start({ engine: new MemoryEngine({ store }) });
    // The application itself may give commands: who gives one early knows what is there.
    expect(await (await starting.actors.get('clerk')).ask()).toBe(false);
    const given = (await other.actors.get('clerk')).ask();
    while (other.node.parts.cluster.calls.size === 0) await sleep(1);
    await sleep(50);
    return { starting: starting.node, given };
  };

  it('runs what others send to its actors when it is', async () => {
    const { starting, given } = await together();
    isReady = true;
    await starting.begin();
    expect(await given).toBe(true);
  });

  it('leaves it to the others if it ends before', async () => {
    const { starting, given } = await together();
    isReady = true;
    await starting.stop();
    expect(await given).toBe(true);
  });
});
