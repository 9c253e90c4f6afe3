import { OmniscientError, ShuttingDownError } from '../../kernel/values/index.js';
import { SavedCheckpoint } from '../delivery/index.js';
import type { NodeParts } from '../hosting/index.js';

/**
 * Lets only one caller at a time, on any node, retry a parked event of a projection. A handler writes to a store that
 * we do not know, so unlike a reaction it cannot run twice with one result discarded. The engine stores a claim until
 * it is returned or its node is gone. The leader is not involved.
 */
export class RetryClaims {
  readonly #parts: NodeParts;
  readonly #name: string;
  /** What is being retried here. */
  readonly #held = new Set<string>();
  #changing: Promise<unknown> = Promise.resolve();

  constructor(projection: string, parts: NodeParts) {
    this.#parts = parts;
    this.#name = `$retrying-${projection}`;
  }

  /** How many are being retried here. */
  get size(): number {
    return this.#held.size;
  }

  /**
   * Runs `work` under a claim. @throws OmniscientError (`RETRY_UNDER_WAY`), ShuttingDownError, EngineError; whatever
   * `work` throws.
   */
  async during(id: string, work: () => Promise<void>): Promise<void> {
    // The other nodes consider this one gone, so they would ignore its claim.
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
    const message = `${CLAIMS_MAX} parked events of this projection are being retried already: wait until some of them are done`;
    throw new OmniscientError('RETRY_UNDER_WAY', message, { retryable: true });
  }

  async #giveBack(): Promise<void> {
    try {
      await this.#change((claims) => claims);
    } catch (error) {
      // The next claim from here removes it too.
      this.#parts.log.warn(
        `${this.#name}: a claim could not be returned, so other nodes cannot retry that event yet`,
        error,
      );
    }
  }

  /** Changes here run one after the other, so that only other nodes can interfere. */
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
    const message = `the claims of '${this.#name}' could not be changed, because other nodes changed them during each of ${CLAIM_TRIES_MAX} tries: try again`;
    throw new OmniscientError('RETRY_UNDER_WAY', message, { retryable: true });
  }

  /** The claims without those that nobody holds any more. */
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
    // The node may have joined a moment ago.
    if (membership.incarnationOf(nodeId) !== incarnation) await membership.refresh();
    return membership.isAlive(nodeId) && membership.incarnationOf(nodeId) === incarnation;
  }
}

/** How many parked events of one projection may be retried at the same time in the whole cluster. */
const CLAIMS_MAX = 1_000;
/** How often writing a claim is tried when other nodes write theirs. */
const CLAIM_TRIES_MAX = 100;

/** Which incarnation of which node retries an event. */
interface Claim {
  readonly nodeId: string;
  readonly incarnation: string;
}

/** Which node retries what now, by the ids of parked events. */
interface Claims {
  readonly claims: Readonly<Record<string, Claim>>;
}

function underWay(id: string, nodeId: string): OmniscientError {
  const message = `'${id}' is already being retried on node '${nodeId}': check afterwards whether it is still parked`;
  return new OmniscientError('RETRY_UNDER_WAY', message, { retryable: true });
}
