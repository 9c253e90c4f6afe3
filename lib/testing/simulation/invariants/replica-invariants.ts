import type { Activation } from '../../../runtime/hosting/index.js';
import type { SimulatedNode } from '../cluster/index.js';
import { fold, frameworkText } from './fold.js';
import type { BuiltInInvariant, Watched } from './invariant.js';

export function* replicas({ nodes }: Watched): Generator<{ node: SimulatedNode; activation: Activation }> {
  for (const node of nodes) {
    const { current } = node;
    if (!current?.isReady || current.isLeaving) continue;
    for (const activation of current.runtime.loaded()) {
      if (activation.loaded && activation.alive) yield { node, activation };
    }
  }
}

/** Every loaded activation is what the stream makes of it, up to its version: its state, and the framework's part. */
export const REPLICAS_ARE_FOLDS: BuiltInInvariant = {
  name: 'every replica is a fold of its stream',
  watch(watched, fail) {
    const look = () => {
      for (const { node, activation } of replicas(watched)) {
        const difference = differenceOf(activation, watched);
        if (difference) fail(`${activation.label} on ${node.name} ${difference}`, activation.streamId);
      }
    };
    return { look, end: look };
  },
};

/** Every live replica gets everything that is stored, without anything else happening. */
export const REPLICAS_CATCH_UP: BuiltInInvariant = {
  name: 'every replica catches up',
  watch(watched, fail) {
    return {
      end() {
        for (const { node, activation } of replicas(watched)) {
          if (activation.actorState.definition.kind === 'actor') continue;
          const { streamId, version } = activation;
          const stored = watched.world.store.version(streamId);
          if (version !== stored && !isFresh(watched, streamId)) {
            fail(`${activation.label} on ${node.name} is at version ${version}, and ${stored} is stored`, streamId);
          }
          // One that ticks may be at work at any moment.
          if (!activation.settled && !activation.framework.ticking)
            fail(`${activation.label} on ${node.name} still has work`, streamId);
        }
      },
    };
  },
};

/** Longest time that a replica may be behind while there are no faults. Milliseconds. */
const BEHIND_MS_MAX = 100;

/** Whether something was stored just now. */
function isFresh({ world }: Watched, streamId: string): boolean {
  const last = world.store.commits.findLast((commit) => commit.streamId === streamId);
  return last !== undefined && world.time.nowMs - last.atMs < BEHIND_MS_MAX;
}

export function differenceOf(activation: Activation, { world, newActor }: Watched): string | undefined {
  const { optimistic, version, streamId } = activation;
  const { definition } = activation.actorState;
  // A plain actor does not see what others store, so there may be gaps in what it knows.
  if (optimistic.incomplete) return undefined;
  const events = world.store.streams.get(streamId)?.slice(0, version) ?? [];
  if (events.length < version) return `is at version ${version}, and only ${events.length} are stored`;
  const folded = fold(definition, streamId, events, newActor);
  const state = JSON.stringify(optimistic.confirmed());
  if (state !== folded.state) return `has ${state} at version ${version}, and its stream makes ${folded.state} of it`;
  const framework = frameworkText(activation.framework);
  if (framework === folded.framework) return undefined;
  return `remembers ${framework} at version ${version}, and its stream says ${folded.framework}`;
}
