import { LEADER_EVENT, type Leadership } from '../../kernel/framework/index.js';
import { CommitTimeoutError, ConflictError, isInstance } from '../../kernel/values/index.js';
import type { Membership } from '../cluster/index.js';
import type { RuntimeParts } from '../parts/index.js';
import type { RoleOwner } from './role-owner.js';

/** This node's view of the leaders of one `OneActor`: which of them it trusts, and when it has itself elected. */
export class ActorElection {
  readonly #owner: RoleOwner;
  readonly #parts: RuntimeParts;
  readonly #membership: Membership;
  #electing: Promise<void> | undefined;
  /** The term whose leader did not answer. */
  #suspectedTerm = 0;
  /** The last term whose beginning this activation observed. */
  #observedTerm = 0;
  #observedAtMs = 0;

  constructor(owner: RoleOwner, parts: RuntimeParts, membership: Membership) {
    this.#owner = owner;
    this.#parts = parts;
    this.#membership = membership;
  }

  /**
   * Whether this leader may be trusted. It may not if it was silent, or if that incarnation is dead. A leader that was
   * elected while this node watched is trusted all the same: whoever writes is alive.
   */
  mayLead({ nodeId, incarnation, term }: Leadership): boolean {
    if (nodeId === null || nodeId === this.#parts.nodeId || term <= this.#suspectedTerm) return false;
    if (term === this.#observedTerm && this.#observedAtMs > this.#membership.goneSinceMs(nodeId)) return true;
    if (!this.#membership.isAlive(nodeId)) return false;
    return incarnation === undefined || incarnation === this.#membership.incarnationOf(nodeId);
  }

  /** Another node was elected just now. */
  observed(term: number): void {
    this.#observedTerm = term;
    this.#observedAtMs = this.#parts.environment.monotonicMs();
  }

  suspect(nodeId: string, term: number, why: string): void {
    if (term <= this.#suspectedTerm) return;
    this.#suspectedTerm = term;
    this.#parts.log.warn(
      `${this.#owner.label}: the leader of term ${term}, node ${nodeId}, ${why}: this node has itself elected`,
    );
  }

  /**
   * Has this node elected. Many commands wait for one election. @throws CommitTimeoutError when the engine does not
   * store the vote in time.
   */
  elect(): Promise<void> {
    this.#electing ??= this.#stand().finally(() => {
      this.#electing = undefined;
    });
    return this.#electing;
  }

  async #stand(): Promise<void> {
    if (this.#isStanding()) return this.#waitForVote();
    const { nodeId } = this.#parts;
    const { incarnation } = this.#membership;
    const term = (this.#owner.framework.leader?.term ?? 0) + 1;
    try {
      await this.#owner.storeFrameworkEvent(LEADER_EVENT, { nodeId, incarnation, term } satisfies Leadership);
    } catch (error) {
      // Other events were stored first, maybe those of an election. The caller checks who leads now.
      if (!isInstance(error, ConflictError)) throw error;
    }
  }

  /** Whether a vote is still being stored although its callers have timed out. A second vote would only join it. */
  #isStanding(): boolean {
    for (const { name } of this.#owner.unstored()) if (name === LEADER_EVENT) return true;
    return false;
  }

  async #waitForVote(): Promise<void> {
    const { label, version } = this.#owner;
    const { commitTimeoutMs } = this.#parts.limits;
    await this.#owner.reached(version + 1, commitTimeoutMs);
    if (this.#isStanding()) throw new CommitTimeoutError(label, commitTimeoutMs);
  }
}
