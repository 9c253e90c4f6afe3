import { OmniscientError, ShuttingDownError } from '../../kernel/values/errors.js';
import { SavedCheckpoint } from '../delivery/saved-checkpoint.js';
import type { NodeParts } from '../hosting/node-parts.js';

/**
 * Lets one of all who ask at the same time, on any node, try a parked event of a projection again: a handler writes we know not where, so it must not run
 * twice and be dropped once, as a reaction can. A claim is kept in the engine until it is given back, or its node is gone. The leader need not be asked.
 */
export class RetryClaims {
  readonly #parts: NodeParts;
  readonly #name: string;
  /** What is being tried here. */
  readonly #held = new Set<string>();
  #changing: Promise<unknown> = Promise.resolve();

  constructor(projection: string, parts: NodeParts) {
    this.#parts = parts;
    this.#name = `$retrying-${projection}`;
  }

  /** How many are being tried here. */
  get size(): number {
    return this.#held.size;
  }

  /** @throws OmniscientError (`RETRY_UNDER_WAY`), ShuttingDownError, EngineError; what `work` throws. */
  async during(id: string, work: () => Promise<void>): Promise<void> {
    // The others hold this node for gone, so they would not heed its claim.
    if (this.#parts.cluster.leaving) throw new ShuttingDownError();
    if (this.#held.has(id)) throw underWay(id, this.#parts.nodeId);
    this.#held.add(id);
    try {
      await this.#parts.cluster.start();
      await this.#change((claims) => this.#with(id, claims));
      await work();
    } finally {
      this.#held.delete(id);
      await this.#giveBack();
    }
  }

  #with(id: string, claims: Claims['claims']): Claims['claims'] {
    const other = claims[id];
    if (other && !this.#isOurs(other)) throw underWay(id, other.nodeId);
    const ours = { nodeId: this.#parts.nodeId, incarnation: this.#parts.cluster.membership.incarnation };
    const all = { ...claims, [id]: ours };
    if (Object.keys(all).length <= CLAIMS_MAX) return all;
    const message = `${CLAIMS_MAX} parked events of one projection are being tried again: wait for those`;
    throw new OmniscientError('RETRY_UNDER_WAY', message, { retryable: true });
  }

  async #giveBack(): Promise<void> {
    try {
      await this.#change((claims) => claims);
    } catch (error) {
      // The next claim from here takes it away too.
      this.#parts.log.warn(
        `${this.#name}: a claim could not be given back; other nodes can't try that event yet`,
        error,
      );
    }
  }

  /** One change after the other here, so that only other nodes can be in the way. */
  #change(to: (claims: Claims['claims']) => Claims['claims']): Promise<void> {
    const changed = this.#changing.then(() => this.#write(to));
    this.#changing = changed.catch(() => {});
    return changed;
  }

  async #write(to: (claims: Claims['claims']) => Claims['claims']): Promise<void> {
    for (let tries = 1; tries <= CLAIM_TRIES_MAX; tries += 1) {
      const checkpoint = await SavedCheckpoint.open<Claims>(this.#parts, this.#name, { claims: {} });
      const claims = to(await this.#valid(checkpoint.value.claims));
      if (await checkpoint.save({ claims })) return;
    }
    const message = `the claims of '${this.#name}' were changed ${CLAIM_TRIES_MAX} times by others: try again`;
    throw new OmniscientError('RETRY_UNDER_WAY', message, { retryable: true });
  }

  /** Without those that nobody holds any more. */
  async #valid(claims: Claims['claims']): Promise<Claims['claims']> {
    const valid: Record<string, Claim> = {};
    for (const [id, claim] of Object.entries(claims)) {
      if (this.#isOurs(claim) ? this.#held.has(id) : await this.#isAlive(claim)) valid[id] = claim;
    }
    return valid;
  }

  #isOurs({ nodeId, incarnation }: Claim): boolean {
    const { cluster, nodeId: ownId } = this.#parts;
    return nodeId === ownId && incarnation === cluster.membership.incarnation;
  }

  async #isAlive({ nodeId, incarnation }: Claim): Promise<boolean> {
    const { membership } = this.#parts.cluster;
    // It may have come a moment ago.
    if (membership.incarnationOf(nodeId) !== incarnation) await membership.refresh();
    return membership.isAlive(nodeId) && membership.incarnationOf(nodeId) === incarnation;
  }
}

/** Most parked events of one projection that are tried again at the same time, in the whole cluster. */
const CLAIMS_MAX = 1_000;
/** How often a claim is written because other nodes write theirs. */
const CLAIM_TRIES_MAX = 100;

/** Which start of which node tries an event again. */
interface Claim {
  readonly nodeId: string;
  readonly incarnation: string;
}

/** Who tries what again now, by the ids of what is parked. */
interface Claims {
  readonly claims: Readonly<Record<string, Claim>>;
}

function underWay(id: string, nodeId: string): OmniscientError {
  const message = `'${id}' is being tried again already, on node '${nodeId}': look afterwards whether it is parked still`;
  return new OmniscientError('RETRY_UNDER_WAY', message, { retryable: true });
}
