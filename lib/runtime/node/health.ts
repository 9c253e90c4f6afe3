import type { Environment, Timer } from '../../engine/environment/environment.js';
import { OmniscientError } from '../../kernel/values/errors.js';
import type { Consumer } from '../delivery/consumer.js';
import type { ParkedEvents } from '../delivery/parked-events.js';
import type { NodeParts } from '../hosting/node-parts.js';

/** @throws EngineError, or OmniscientError (`ENGINE_SILENT`), when the engine does not answer. */
export async function healthOf(
  parts: NodeParts,
  parked: ParkedEvents,
  consumers: readonly Consumer[],
): Promise<NodeHealth> {
  const { environment } = parts;
  const beganMs = environment.monotonicMs();
  const lastPosition = await inTime(parts.engine.lastPosition(), parts);
  const answersInMs = Math.round(environment.monotonicMs() - beganMs);
  const look = () => Promise.all([parts.engine.nodes(), lagOf(lastPosition, consumers), parts.writes.failure()]);
  const [records, lag, failure] = await inTime(look(), parts);
  const { membership } = parts.cluster;
  const alive = records.map(({ nodeId }) => nodeId).filter((nodeId) => membership.isAlive(nodeId));
  return {
    nodeId: parts.nodeId,
    engine: {
      name: parts.engine.name,
      answersInMs,
      ...(failure && { failure: { code: failure.code, message: failure.message } }),
    },
    nodes: alive.sort(),
    isIsolated: membership.isolated,
    lag,
    parked: await countOf(parked, environment),
  };
}

/** An engine that does not answer for so long is down. Milliseconds. */
const ANSWER_MS_MAX = 2_000;
/** Right after a start, parked events may take longer to count than a health check may last. Milliseconds. */
const COUNT_MS_MAX = 500;

/** What an `EngineError` says. */
export interface EngineFailure {
  readonly code: string;
  readonly message: string;
}

/** How a node does. */
export interface NodeHealth {
  readonly nodeId: string;
  /** `failure`: why nothing can be stored now, though it answers. */
  readonly engine: { readonly name: string; readonly answersInMs: number; readonly failure?: EngineFailure };
  /** Ids of the nodes that are alive; those that have no need of the others are not seen. */
  readonly nodes: readonly string[];
  /** Whether the others must hold this node for dead, because its heartbeats fail. */
  readonly isIsolated: boolean;
  /** By how many positions each projection, and each class that events call, is behind the store. */
  readonly lag: Readonly<Record<string, number>>;
  /** How many events are parked; right after a start on a large store, how many have been found so far. */
  readonly parked: number;
}

/** By how many positions each is behind. */
export async function lagOf(lastPosition: number, consumers: readonly Consumer[]): Promise<Record<string, number>> {
  const positions = await Promise.all(consumers.map((each) => each.position()));
  const lags = consumers.map(({ name }, i) => [name, Math.max(0, lastPosition - (positions[i] as number))] as const);
  return Object.fromEntries(lags);
}

/** The count goes on also when nobody waits for it any more. */
async function countOf(parked: ParkedEvents, environment: Environment): Promise<number> {
  let timer: Timer | undefined;
  const soFar = new Promise<number>((resolve) => {
    timer = environment.setTimeout(() => resolve(parked.known), COUNT_MS_MAX);
  });
  const counted = parked.count();
  return Promise.race([counted, soFar]).finally(() => environment.clearTimeout(timer));
}

function inTime<T>(answer: Promise<T>, { engine, environment }: NodeParts): Promise<T> {
  return new Promise((resolve, reject) => {
    // The process does not end while somebody waits for this.
    const timer = environment.setTimeout(() => {
      const message = `the ${engine.name} engine did not answer for ${ANSWER_MS_MAX} ms`;
      reject(new OmniscientError('ENGINE_SILENT', message, { retryable: true }));
    }, ANSWER_MS_MAX);
    answer.then(resolve, reject).finally(() => environment.clearTimeout(timer));
  });
}
