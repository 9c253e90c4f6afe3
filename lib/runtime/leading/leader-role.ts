import { backoffIn, sleep } from '../../engine/environment/index.js';
import type { CommandDefinition } from '../../kernel/defining/index.js';
import { LEADER_EVENT, type Leadership } from '../../kernel/framework/index.js';
import { EngineError } from '../../kernel/values/index.js';
import { type Cluster, decodeArguments, type NoReply, type RemoteCall, type Reply } from '../cluster/index.js';
import { causeIn } from '../commit/index.js';
import type { RequestCause } from '../events/index.js';
import { type RuntimeParts, traced } from '../parts/index.js';
import { ActorElection } from './actor-election.js';
import { answering, beforeLookingUp, findAnswer, newCall, noLeader, notRun } from './answers.js';
import { isRepeatable } from './repeated-commands.js';
import type { EnqueueOptions, RoleOwner } from './role-owner.js';
import { type Outcome, ServedCalls } from './served-calls.js';

/**
 * Decides which node runs a `OneActor`'s commands. A leadership is an event in the stream, appended at the expected
 * version. So an election has one winner, and a former leader is stopped by the version of its next append (fencing;
 * Kleppmann, "How to do distributed locking", 2016). A command goes to the leader. If there is none, or it is dead or
 * silent, this node has itself elected.
 *
 * A command takes effect at most once, however late its messages are
 * (`docs/decisions/0041-a-command-is-sent-to-a-term.md`):
 *
 * - It is sent to one term, and runs in no other. A term is led by one incarnation of one node, which takes each
 *   message once.
 * - It is sent to a term a second time only after a reply that it did not run there.
 * - After a call without a reply it goes to a later term only, where its events are looked up before it runs. What the
 *   earlier term stored of it is before the event that began the later term. So what is not found then is never stored.
 * - A reply ends only the very call that it answers. A late reply of an earlier term does not count.
 */
export class LeaderRole {
  readonly #owner: RoleOwner;
  readonly #parts: RuntimeParts;
  readonly #cluster: Cluster;
  readonly #election: ActorElection;
  readonly #served: ServedCalls;
  /** How many commands that were given here are on their way. */
  #running = 0;
  /** The term for which `onActivate` has run. */
  #preparedTerm = 0;
  #preparing: Promise<void> | undefined;

  constructor(owner: RoleOwner, parts: RuntimeParts, cluster: Cluster) {
    this.#owner = owner;
    this.#parts = parts;
    this.#cluster = cluster;
    this.#election = new ActorElection(owner, parts, cluster.membership);
    this.#served = new ServedCalls(owner, parts, cluster, {
      leadsIn: (term) => this.#leadsIn(term),
      run: (command, call, options) => this.#runHere(command, call, options),
    });
  }

  /** Whether this node leads, as far as it knows. */
  get leads(): boolean {
    const { leader } = this.#owner.framework;
    return leader !== undefined && this.#isOwn(leader);
  }

  /**
   * Whether another node leads, as far as this one knows. An earlier incarnation of this node does not count: it leads
   * no more.
   */
  get isLedElsewhere(): boolean {
    const nodeId = this.#owner.framework.leader?.nodeId ?? undefined;
    return nodeId !== undefined && nodeId !== this.#parts.nodeId;
  }

  /** How many commands are on their way from here, or being answered. */
  get size(): number {
    return this.#running + this.#served.size;
  }

  /** Runs a command on the leader. */
  async run(
    command: CommandDefinition,
    args: readonly unknown[],
    cause: RequestCause,
    options: EnqueueOptions,
  ): Promise<unknown> {
    this.#running += 1;
    try {
      const { trace } = options;
      return await traced(trace, async () =>
        this.#run(command, newCall(this.#owner, command, args, causeIn(trace, cause)), options),
      );
    } finally {
      this.#running -= 1;
    }
  }

  /** Runs a command that another node sent here. */
  serve(call: RemoteCall): Promise<Reply> {
    return this.#served.serve(call);
  }

  /** Whether one of these events, which were stored by others, makes another node the leader. */
  isOvertaken(others: readonly { readonly name: string; readonly data: string }[]): boolean {
    let overtaken = false;
    for (const { name, data } of others) {
      if (name !== LEADER_EVENT) continue;
      const leadership = JSON.parse(data) as Leadership;
      if (this.#isOwn(leadership)) continue;
      const { nodeId, term } = leadership;
      overtaken = true;
      this.#election.observed(term);
      if (this.leads)
        this.#parts.log.warn(
          `${this.#owner.label}: this node steps down, because node ${nodeId} leads in term ${term}`,
        );
    }
    return overtaken;
  }

  async #run(command: CommandDefinition, given: RemoteCall, options: EnqueueOptions): Promise<unknown> {
    const backoff = backoffIn(this.#parts.environment);
    let call = given;
    for (let hops = 0; hops < HOPS_MAX; hops += 1) {
      const outcome = await this.#try(command, call, options);
      if ('answer' in outcome) return outcome.answer;
      if ('error' in outcome) throw outcome.error;
      if (outcome.again && !call.again) call = { ...call, again: true };
      if (hops > 0) await sleep(this.#parts.environment, backoff.nextMs());
    }
    throw noLeader(this.#owner.label, call, HOPS_MAX);
  }

  async #try(command: CommandDefinition, call: RemoteCall, options: EnqueueOptions): Promise<Outcome> {
    // This node must join the cluster first. Until it knows the other nodes, all of them look dead.
    await this.#cluster.start();
    const { leader } = this.#owner.framework;
    if (leader && this.#isOwn(leader)) {
      return this.#runHere(command, { ...call, term: leader.term }, { ...options, recorded: false });
    }
    if (leader && this.#election.mayLead(leader)) return this.#forward(leader, call);
    try {
      await this.#election.elect();
    } catch (error) {
      return { error: notRun(this.#owner.label, call, 'no leader could be elected', error) };
    }
    return { again: false };
  }

  async #forward({ nodeId, incarnation, term }: Leadership, call: RemoteCall): Promise<Outcome> {
    const to = nodeId as string;
    const trace = this.#parts.telemetry?.forward(call, to);
    const reply = await this.#cluster.calls.call(to, incarnation, { ...causeIn(trace, call), term });
    trace?.ended(reply.kind);
    switch (reply.kind) {
      case 'answered':
        await this.#owner.reached(reply.version, SEE_OWN_MS_MAX);
        return { answer: reply.answer === undefined ? undefined : JSON.parse(reply.answer) };
      case 'failed':
        await this.#owner.reached(reply.version, SEE_OWN_MS_MAX);
        return { error: this.#cluster.errors.decode(reply.error) };
      case 'refused':
        if (reply.leaving) this.#election.suspect(to, term, 'leaves');
        else if (reply.unregistered) this.#election.suspect(to, term, `has no OneActor '${call.actor}'`);
        else await this.#owner.reached(Math.max(reply.version, this.#owner.version + 1), SEE_OWN_MS_MAX);
        return { again: false };
      default:
        this.#election.suspect(to, term, this.#whyNot(reply.kind));
        return { again: true };
    }
  }

  #whyNot(kind: NoReply['kind']): string {
    if (kind === 'gone') return 'is gone';
    if (kind === 'quiet') return 'answers nothing and has no heartbeat';
    return `gave no answer for ${this.#parts.limits.leaderTimeoutMs} ms`;
  }

  /** Runs it in the term that it was given to, or not at all, however long the preparation takes. */
  async #runHere(command: CommandDefinition, call: RemoteCall, options: EnqueueOptions): Promise<Outcome> {
    const prepared = this.#prepare();
    if (prepared) {
      try {
        await prepared;
      } catch (error) {
        return { error: notRun(this.#owner.label, call, 'the events of its onActivate could not be stored', error) };
      }
    }
    if (!this.#leadsIn(call.term)) return { again: false };
    if (call.again) {
      const found = await this.#lookUp(call);
      if (found) return found;
      if (!this.#leadsIn(call.term)) return { again: false };
    }
    return this.#enqueue(command, call, options);
  }

  async #lookUp(call: RemoteCall): Promise<Outcome | undefined> {
    try {
      return await findAnswer(this.#parts, this.#owner, call);
    } catch (error) {
      // Whoever leads by then looks it up again.
      if (error instanceof EngineError && error.retryable) return { again: true };
      return { error: beforeLookingUp(this.#owner.label, call, error) };
    }
  }

  #enqueue(command: CommandDefinition, call: RemoteCall, options: EnqueueOptions): Promise<Outcome> {
    const { commandId, correlationId, causationId, chain, traceparent } = call;
    const owner = this.#owner;
    const recorded = options.recorded || isRepeatable(command.name, commandId);
    const method = answering(command.method, `the answer of '${command.name}' (${owner.label})`, (answer) => {
      if (recorded) owner.recordAnswer(answer);
    });
    return new Promise((settle) => {
      const cause = { commandId, correlationId, causationId, chain, traceparent };
      const request = owner.enqueueCommand({ ...command, method }, decodeArguments(call.args), cause, {
        ...options,
        recorded,
        onEvicted: () => settle({ again: false }),
      });
      request.promise.then(
        (answer) => settle({ answer }),
        (error: unknown) => settle({ error }),
      );
    });
  }

  /** Runs `onActivate` once for each leadership, before the first command. */
  #prepare(): Promise<void> | undefined {
    const term = this.#owner.framework.leader?.term ?? 0;
    if (this.#preparedTerm >= term) return undefined;
    this.#preparing ??= this.#owner
      .runOnActivate()
      .then(() => {
        this.#preparedTerm = term;
      })
      .finally(() => {
        this.#preparing = undefined;
      });
    return this.#preparing;
  }

  #isOwn({ nodeId, incarnation }: Leadership): boolean {
    return nodeId === this.#parts.nodeId && incarnation === this.#cluster.membership.incarnation;
  }

  /** Whether this node leads in that very term. Calls of older nodes name no term. */
  #leadsIn(term: number | undefined): boolean {
    return this.leads && (term === undefined || term === this.#owner.framework.leader?.term);
  }
}

/** How often a command is sent to a new leader before it fails. */
const HOPS_MAX = 50;
/** How long a follower waits at most, after an answer, until it has seen what was stored. Milliseconds. */
const SEE_OWN_MS_MAX = 1_000;
