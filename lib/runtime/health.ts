// The real one, also where a test runner has replaced the global.
import { setTimeout } from 'node:timers';
import { OmniscientError } from '../kernel/errors.js';
import type { NodeParts } from './node-parts.js';
import type { ParkedEvents } from './parked-events.js';

/** An engine that does not answer for so long is down. Milliseconds. */
const ANSWER_MS_MAX = 2_000;

/** Somebody who works through the store: a projection, or the listeners of a class whom events call into life. */
export interface Follower {
  readonly name: string;
  /** Position up to which everything is done, as far as it is written down. */
  position(): Promise<number>;
}

/** How a node does. */
export interface NodeHealth {
  readonly nodeId: string;
  readonly engine: { readonly name: string; readonly answersInMs: number };
  /** Ids of the nodes that are alive; those that have no need of the others are not seen. */
  readonly nodes: readonly string[];
  /** Whether the others must hold this node for dead, because its heartbeats fail. */
  readonly isIsolated: boolean;
  /** By how many positions each projection, and each class that events call, is behind the store. */
  readonly lag: Readonly<Record<string, number>>;
  /** How many events are parked. */
  readonly parked: number;
}

/** @throws EngineError, or OmniscientError (`ENGINE_SILENT`), when the engine does not answer. */
export async function healthOf(
  parts: NodeParts,
  parked: ParkedEvents,
  followers: readonly Follower[],
): Promise<NodeHealth> {
  const beganMs = performance.now();
  const lastPosition = await inTime(parts.engine.lastPosition(), parts.engine.name);
  const answersInMs = Math.round(performance.now() - beganMs);
  const look = async (): Promise<NodeHealth> => {
    const { membership } = parts.cluster;
    const nodes = (await parts.engine.nodes()).map(({ nodeId }) => nodeId);
    const positions = await Promise.all(followers.map((each) => each.position()));
    const lag = followers.map(({ name }, i) => [name, Math.max(0, lastPosition - (positions[i] as number))] as const);
    return {
      nodeId: parts.nodeId,
      engine: { name: parts.engine.name, answersInMs },
      nodes: nodes.filter((nodeId) => nodeId === parts.nodeId || membership.isAlive(nodeId)).sort(),
      isIsolated: membership.isolated,
      lag: Object.fromEntries(lag),
      parked: (await parked.list()).length,
    };
  };
  return inTime(look(), parts.engine.name);
}

function inTime<T>(answer: Promise<T>, engine: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const message = `the ${engine} engine did not answer for ${ANSWER_MS_MAX} ms`;
      reject(new OmniscientError('ENGINE_SILENT', message, { retryable: true }));
    }, ANSWER_MS_MAX).unref();
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
