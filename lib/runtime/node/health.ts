import type { Environment, Timer } from '../../engine/environment/index.js';
import { OmniscientError } from '../../kernel/values/index.js';
import type { Consumer, ParkedEvents } from '../delivery/index.js';
import type { NodeParts } from '../hosting/index.js';

/**
 * Collects a node's health. @throws EngineError, or OmniscientError (`ENGINE_SILENT`), when the engine does not answer.
 */
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

/** An engine that does not answer for this long counts as down. Milliseconds. */
const ANSWER_MS_MAX = 2_000;
/**
 * How long a health check waits for the number of parked events, which may take longer right after a start.
 * Milliseconds.
 */
const COUNT_MS_MAX = 500;

/** The code and message of an `EngineError`. */
export interface EngineFailure {
  readonly code: string;
  readonly message: string;
}

/** The health of a node. */
export interface NodeHealth {
  readonly nodeId: string;
  /**
   * The engine's name and response time in milliseconds. `failure` says why nothing can be stored now, although the
   * engine answers.
   */
  readonly engine: { readonly name: string; readonly answersInMs: number; readonly failure?: EngineFailure };
  /** The ids of the nodes that are alive. A node that needs no others does not appear. */
  readonly nodes: readonly string[];
  /** Whether the others must consider this node dead, because its heartbeats fail. */
  readonly isIsolated: boolean;
  /** How many positions each projection, and each class with routed listeners (`to`), is behind the store. */
  readonly lag: Readonly<Record<string, number>>;
  /** How many events are parked. Right after a start on a large store it is the number found so far. */
  readonly parked: number;
}

/** How many positions each consumer is behind. */
export async function lagOf(lastPosition: number, consumers: readonly Consumer[]): Promise<Record<string, number>> {
  const positions = await Promise.all(consumers.map((each) => each.position()));
  const lags = consumers.map(({ name }, i) => [name, Math.max(0, lastPosition - (positions[i] as number))] as const);
  return Object.fromEntries(lags);
}

/** Counting goes on even if nobody waits for it any more. */
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
    // The timer keeps the process alive while somebody waits.
    const timer = environment.setTimeout(() => {
      const message = `the ${engine.name} engine did not answer within ${ANSWER_MS_MAX} ms: check that its server can be reached`;
      reject(new OmniscientError('ENGINE_SILENT', message, { retryable: true }));
    }, ANSWER_MS_MAX);
    answer.then(resolve, reject).finally(() => environment.clearTimeout(timer));
  });
}
