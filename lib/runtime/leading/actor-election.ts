import { LEADER_EVENT, type Leadership } from '../../kernel/framework/framework-events.js';
import { CommitTimeoutError, ConflictError } from '../../kernel/values/errors.js';
import { isInstance } from '../../kernel/values/thrown.js';
import type { Membership } from '../cluster/membership.js';
import type { RuntimeParts } from '../parts/settings.js';
import type { RoleOwner } from './role-owner.js';

/** What this node makes of the leaders of one `OneActor`: whom it trusts to lead, and when it has itself elected. */
export class ActorElection {
  readonly #owner: RoleOwner;
  readonly #parts: RuntimeParts;
  readonly #membership: Membership;
  #electing: Promise<void> | undefined;
  /** The term whose leader did not answer. */
  #suspectedTerm = 0;
  /** The last term that began while this activation looked on. */
  #heardTerm = 0;
  #heardAtMs = 0;

  constructor(owner: RoleOwner, parts: RuntimeParts, membership: Membership) {
    this.#owner = owner;
    this.#parts = parts;
    this.#membership = membership;
  }

  /** Not if it was silent, nor if that start of it is dead, unless it was elected before our eyes: who writes is alive. */
  mayLead({ nodeId, incarnation, term }: Leadership): boolean {
    if (nodeId === null || nodeId === this.#parts.nodeId || term <= this.#suspectedTerm) return false;
    if (term === this.#heardTerm && this.#heardAtMs > this.#membership.goneSinceMs(nodeId)) return true;
    if (!this.#membership.isAlive(nodeId)) return false;
    return incarnation === undefined || incarnation === this.#membership.incarnationOf(nodeId);
  }

  /** Another was elected just now. */
  heard(term: number): void {
    this.#heardTerm = term;
    this.#heardAtMs = this.#parts.environment.monotonicMs();
  }

  suspect(nodeId: string, term: number, why: string): void {
    if (term <= this.#suspectedTerm) return;
    this.#suspectedTerm = term;
    this.#parts.log.warn(
      `${this.#owner.label}: the leader of term ${term}, node ${nodeId}, ${why}: another is elected`,
    );
  }

  /** Many commands wait for one election. @throws CommitTimeoutError when the engine does not store it in time. */
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
      // Somebody else's events were first, maybe those of an election: look again.
      if (!isInstance(error, ConflictError)) throw error;
    }
  }

  /** A vote that the engine has not stored for so long that its callers were told is still being stored: a second one would only join it. */
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
