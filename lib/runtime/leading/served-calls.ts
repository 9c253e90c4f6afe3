import type { CommandDefinition } from '../../kernel/defining/index.js';
import type { Cluster, RemoteCall, Reply } from '../cluster/index.js';
import { causeIn } from '../commit/index.js';
import type { RuntimeParts, Trace } from '../parts/index.js';
import { beforeLookingUp, unknownCommand } from './answers.js';
import type { EnqueueOptions, RoleOwner } from './role-owner.js';

/** Commands that other nodes send to a `OneActor` that is led here. */
export class ServedCalls {
  readonly #owner: RoleOwner;
  readonly #parts: RuntimeParts;
  readonly #cluster: Cluster;
  readonly #leading: Leading;
  #size = 0;

  constructor(owner: RoleOwner, parts: RuntimeParts, cluster: Cluster, leading: Leading) {
    this.#owner = owner;
    this.#parts = parts;
    this.#cluster = cluster;
    this.#leading = leading;
  }

  /** How many are being answered. */
  get size(): number {
    return this.#size;
  }

  /** Answers a call. The promise never rejects. */
  async serve(given: RemoteCall): Promise<Reply> {
    // A call without a term comes from an older node, which may have sent it before.
    const call = given.term === undefined ? { ...given, again: true } : given;
    const refusal = this.#refusalOf(call);
    if (refusal !== undefined) return this.#failed(beforeLookingUp(this.#owner.label, call, refusal));
    this.#size += 1;
    try {
      return await this.#serve(call);
    } finally {
      this.#size -= 1;
    }
  }

  /** Why the call is refused before it waits; `undefined` if it is not. */
  #refusalOf(call: RemoteCall): unknown {
    try {
      this.#owner.assertNoCircle(call);
      // Nobody knows what became of a repeated call. It was admitted when it was first given, and must be looked up.
      if (!call.again && this.#leading.leadsIn(call.term)) this.#owner.assertRoom();
      return undefined;
    } catch (error) {
      return error;
    }
  }

  async #serve(call: RemoteCall): Promise<Reply> {
    const { label } = this.#owner;
    await this.#owner.reached(call.since, SEE_CALLERS_MS_MAX);
    if (this.#cluster.leaving || !this.#leading.leadsIn(call.term)) return this.#refused();
    const command = this.#owner.commandNamed(call.command);
    if (!command) {
      return this.#failed(beforeLookingUp(label, call, unknownCommand(label, call.command, this.#parts.nodeId)));
    }
    const trace = this.#parts.telemetry?.serve(call);
    const running = this.#leading.run(command, causeIn(trace, call), { recorded: true, trace });
    const outcome = await running.catch((error: unknown) => ({ error }));
    if ('error' in outcome) return this.#failed(outcome.error, trace);
    if (!('answer' in outcome)) return this.#refused(trace);
    trace?.ended();
    const { version } = this.#owner;
    if (outcome.answer === undefined) return { kind: 'answered', version };
    return { kind: 'answered', version, answer: JSON.stringify(outcome.answer) };
  }

  #refused(trace?: Trace): Reply {
    trace?.ended('refused');
    return { kind: 'refused', version: this.#owner.version, leaving: this.#cluster.leaving };
  }

  #failed(error: unknown, trace?: Trace): Reply {
    trace?.failed(error);
    return { kind: 'failed', version: this.#owner.version, error: this.#cluster.errors.encode(error) };
  }
}

/** How long the leader waits at most until it has seen what the caller has seen. Milliseconds. */
const SEE_CALLERS_MS_MAX = 1_000;

/**
 * How one try to run a command ended: with an answer or an error, or without running it. `again` says that nobody knows
 * what became of an earlier try.
 */
export type Outcome = { readonly answer: unknown } | { readonly error: unknown } | { readonly again: boolean };

/** What runs commands on the leader. */
export interface Leading {
  /** Whether this node leads in that very term. */
  leadsIn(term: number | undefined): boolean;
  run(command: CommandDefinition, call: RemoteCall, options: EnqueueOptions): Promise<Outcome>;
}
