import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { ActorBase, ActorClass } from '../../lib/kernel/declaring/actor.js';
import { defineActor } from '../../lib/kernel/defining/actor-definition.js';
import { Runtime, type RuntimeOptions } from '../../lib/runtime/node/runtime.js';
import { silent } from './runtime.js';

/** Nodes of one process on one store in memory. */
export class MemoryCluster {
  readonly store = new MemoryStore();
  readonly #running = new Set<Runtime>();

  async start(options: Partial<RuntimeOptions> = {}) {
    const engine = new MemoryEngine({ store: this.store });
    const node = new Runtime({ engine, log: silent, heartbeatTimeoutMs: 300, reactionTriesMax: 2, ...options });
    this.#running.add(node);
    await node.start();
    const actors = <A extends ActorBase<object, object>>(actorClass: new () => A) =>
      node.register<A>(defineActor(actorClass as ActorClass), () => new actorClass());
    return { node, actors };
  }

  async stop(...nodes: Runtime[]): Promise<void> {
    for (const node of nodes.length > 0 ? nodes : [...this.#running]) {
      this.#running.delete(node);
      await node.stop();
    }
  }

  /** Payloads of the stored events of this name. */
  stored<Data = Record<string, unknown>>(streamId: string, name: string): Data[] {
    const events = (this.store.streams.get(streamId) ?? []).filter((event) => event.name === name);
    return events.map(({ data }) => JSON.parse(data) as Data);
  }
}
