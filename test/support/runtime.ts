import { setTimeout as sleep } from 'node:timers/promises';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import type { AppendRequest, AppendResult } from '../../lib/engine/duties/append.js';
import type { ActorBase, ActorClass } from '../../lib/kernel/declaring/actor.js';
import { defineActor } from '../../lib/kernel/defining/actor-definition.js';
import { EngineError } from '../../lib/kernel/values/errors.js';
import { Runtime, type RuntimeOptions } from '../../lib/runtime/node/runtime.js';
import type { ActorRepository } from '../../lib/runtime/refs/actor-repository.js';

/** A node on its own: actors of these classes, without Nest. */
export async function startNode<A extends ActorBase<object, object>>(
  actorClass: new () => A,
  options: Partial<RuntimeOptions> = {},
): Promise<{
  node: Runtime;
  actors: ActorRepository<A>;
  also: <B extends ActorBase<object, object>>(other: new () => B) => ActorRepository<B>;
}> {
  const node = new Runtime({ engine: new MemoryEngine(), log: silent, ...options });
  await node.start();
  const also = <B extends ActorBase<object, object>>(other: new () => B) =>
    node.register<B>(defineActor(other as ActorClass), () => new other());
  return { node, actors: also(actorClass), also };
}

export const silent = { warn: () => {}, error: () => {} };

/** What can go wrong with an append, in the hands of a spec. */
export interface Weather {
  /** Wait for this before the engine sees it. */
  hold?: () => Promise<void> | undefined;
  /** Wait before the engine sees it. */
  beforeMs?: () => number;
  /** Wait before the answer comes. */
  afterMs?: () => number;
  /** The engine is not there; nothing is stored. */
  refuse?: () => boolean;
  /** It is stored, but the answer is lost. */
  loseAnswer?: () => boolean;
}

/** A memory engine in bad weather; nodes that share `store` are one cluster. */
export class WeatheredEngine extends MemoryEngine {
  constructor(
    readonly weather: Weather,
    store = new MemoryStore(),
  ) {
    super({ store });
  }

  override async append(request: AppendRequest): Promise<AppendResult> {
    const { hold, beforeMs, afterMs, refuse, loseAnswer } = this.weather;
    if (hold) await hold();
    if (beforeMs) await sleep(beforeMs());
    if (refuse?.()) throw new EngineError('ENGINE_UNAVAILABLE', 'out in the rain', { retryable: true });
    const result = await super.append(request);
    if (afterMs) await sleep(afterMs());
    if (loseAnswer?.())
      throw new EngineError('ENGINE_UNAVAILABLE', 'the answer was lost', { retryable: true, outcomeUnknown: true });
    return result;
  }
}
