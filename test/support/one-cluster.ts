import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { ActorBase } from '../../lib/kernel/declaring/actor.js';
import type { Runtime, RuntimeOptions } from '../../lib/runtime/node/runtime.js';
import type { ActorRepository } from '../../lib/runtime/refs/actor-repository.js';
import { startNode } from './runtime.js';

export interface ClusterMember<A extends ActorBase<object, object>> {
  readonly node: Runtime;
  readonly actors: ActorRepository<A>;
}

/** Nodes of one cluster in this process, with their parts to be stopped by `stopAll`. */
export class InProcessCluster {
  readonly store = new MemoryStore();
  readonly #nodes: Runtime[] = [];

  async start<A extends ActorBase<object, object>>(
    actorClass: new () => A,
    nodeId: string,
    options: Partial<RuntimeOptions> = {},
  ): Promise<ClusterMember<A>> {
    const engine = new MemoryEngine({ store: this.store });
    const { node, actors } = await startNode(actorClass, { engine, nodeId, ...options });
    this.#nodes.push(node);
    return { node, actors };
  }

  /** Each learns of all the others, without waiting for its next look. */
  async seen(): Promise<void> {
    await Promise.all(this.#nodes.map(({ parts }) => parts.cluster.start()));
    await Promise.all(this.#nodes.map(({ parts }) => parts.cluster.membership.refresh()));
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.stop()));
  }
}

/** Something that a spec lets happen later. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}
