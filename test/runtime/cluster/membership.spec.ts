import { afterEach, expect, it } from '@jest/globals';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { Runtime } from '../../../lib/runtime/node/runtime.js';
import { eventually } from '../../support/eventually.js';
import { Speaker } from '../../support/listeners.js';
import { startNode } from '../../support/runtime.js';

/** Gives what was true when it was asked, when a spec wants it to. */
class LateEngine extends MemoryEngine {
  held: Promise<void> | undefined;
  asked = 0;

  override async nodes() {
    const records = await super.nodes();
    this.asked += 1;
    await this.held;
    return records;
  }
}

const running: Runtime[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.stop()));
});

it('a look at the nodes that is answered late does not make a node dead that came meanwhile', async () => {
  const store = new MemoryStore();
  const engine = new LateEngine({ store });
  const { node } = await startNode(Speaker, { engine, heartbeatTimeoutMs: 20_000 });
  running.push(node);
  const { membership } = node.parts.cluster;
  await node.parts.cluster.start();
  const gone: string[] = [];
  membership.onGone((nodeId) => gone.push(nodeId));
  membership.onForgotten((nodeId) => gone.push(nodeId));

  let answer = () => {};
  engine.held = new Promise((resolve) => {
    answer = resolve;
  });
  engine.asked = 0;
  const late = membership.refresh();
  await eventually(() => engine.asked === 1);
  engine.held = undefined;
  const other = new MemoryEngine({ store });
  await other.open();
  await other.beat({ nodeId: 'newcomer', incarnation: 'first', beat: 1, clockMs: Date.now() });
  const refreshed = membership.refresh();
  const early = new Promise((resolve) => setTimeout(resolve, 50));
  await Promise.race([refreshed, early]);
  answer();
  await Promise.all([late, refreshed]);
  expect(membership.alive()).toContain('newcomer');
  expect(gone).toEqual([]);
});
