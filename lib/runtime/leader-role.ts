import { backoffIn } from '../engine/backoff.js';
import { sleep } from '../engine/environment.js';
import type { CommandDefinition } from '../kernel/definition.js';
import { OmniscientError } from '../kernel/errors.js';
import { LEADER_EVENT, type Leadership } from '../kernel/framework-events.js';
import { ActorElection } from './actor-election.js';
import { answering, findAnswer, newCall, notRun, unknownCommand } from './answers.js';
import type { Cluster } from './cluster/cluster.js';
import { decodeArguments, type NoReply, type RemoteCall, type Reply } from './cluster/remote-calls.js';
import { causeIn, type RequestCause } from './request.js';
import type { EnqueueOptions, RoleOwner } from './role-owner.js';
import type { RuntimeParts } from './settings.js';
import { type Trace, traced } from './telemetry/telemetry.js';

/** How often a command is sent on to whoever leads by then, before it fails. */
const HOPS_MAX = 50;
/** Longest that a follower waits, after an answer, until it has seen itself what was stored. Milliseconds. */
const SEE_OWN_MS_MAX = 1_000;

/** How one try to run a command ended. */
type Outcome = { readonly answer: unknown } | { readonly error: unknown } | { readonly again: boolean };

/**
 * Who runs a `OneActor`'s commands. Leadership is an event in the stream, appended at the expected version: an election has one winner, and who led
 * before is stopped by the version of its next append (fencing; Kleppmann, "How to do distributed locking", 2016). A command goes to the leader;
 * where there is none, or it is dead or silent, this node has itself elected.
 */
export class LeaderRole {
  readonly #owner: RoleOwner;
  readonly #parts: RuntimeParts;
  readonly #cluster: Cluster;
  readonly #election: ActorElection;
  /** Calls of other nodes that run here now, by command: one that comes again gets the same answer. */
  readonly #serving = new Map<string, Promise<Reply>>();
  /** How many commands given here are on their way. */
  #running = 0;
  /** The term for which `onActivate` has run. */
  #preparedTerm = 0;
  #preparing: Promise<void> | undefined;

  constructor(owner: RoleOwner, parts: RuntimeParts, cluster: Cluster) {
    this.#owner = owner;
    this.#parts = parts;
    this.#cluster = cluster;
    this.#election = new ActorElection(owner, parts, cluster.membership);
  }

  /** Whether this node leads, as far as it knows. */
  get leads(): boolean {
    return this.#owner.framework.leader?.nodeId === this.#parts.nodeId;
  }

  /** How many commands are on their way from here, or being answered. */
  get size(): number {
    return this.#running + this.#serving.size;
  }

  /** Runs a command wherever the leader is. */
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

  async #run(command: CommandDefinition, call: RemoteCall, options: EnqueueOptions): Promise<unknown> {
    const backoff = backoffIn(this.#parts.environment);
    let again = false;
    for (let hops = 0; hops < HOPS_MAX; hops += 1) {
      const outcome = await this.#try(command, { ...call, again }, options);
      if ('answer' in outcome) return outcome.answer;
      if ('error' in outcome) throw outcome.error;
      again ||= outcome.again;
      if (hops > 0) await sleep(this.#parts.environment, backoff.nextMs());
    }
    throw new OmniscientError(
      'NO_LEADER',
      `${this.#owner.label}: no leader would run '${command.name}' after ${HOPS_MAX} tries; look at the stream to learn whether it was stored`,
      { retryable: !again },
    );
  }

  /** Runs what another node sent here. */
  serve(call: RemoteCall): Promise<Reply> {
    const served = this.#serving.get(call.commandId);
    if (served) return served;
    const refusal = this.#refusalOf(call);
    if (refusal !== undefined) return Promise.resolve(this.#failed(refusal));
    const reply = this.#serve(call).finally(() => this.#serving.delete(call.commandId));
    this.#serving.set(call.commandId, reply);
    return reply;
  }

  /** Why it must not even wait here. */
  #refusalOf(call: RemoteCall): unknown {
    try {
      this.#owner.assertNoCircle(call);
      // Nobody knows what became of one that comes again: it has a place since it was first given, and must be looked for.
      if (this.leads && !call.again) this.#owner.assertRoom();
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** Others' events came just now: whether one of them makes another node the leader. */
  isOvertaken(others: readonly { readonly name: string; readonly data: string }[]): boolean {
    let overtaken = false;
    for (const { name, data } of others) {
      if (name !== LEADER_EVENT) continue;
      const { nodeId, term } = JSON.parse(data) as Leadership;
      if (nodeId === this.#parts.nodeId) continue;
      overtaken = true;
      this.#election.heard(term);
      if (this.leads)
        this.#parts.log.warn(`${this.#owner.label}: this node steps down: node ${nodeId} leads in term ${term}`);
    }
    return overtaken;
  }

  async #try(command: CommandDefinition, call: RemoteCall, options: EnqueueOptions): Promise<Outcome> {
    // Known nodes and heartbeats first: without them everybody else looks dead.
    await this.#cluster.start();
    if (this.leads) return this.#runHere(command, call, { ...options, recorded: false });
    const leader = this.#owner.framework.leader;
    if (leader?.nodeId && this.#election.mayLead(leader.nodeId, leader.term)) {
      return this.#forward(leader.nodeId, leader.term, call);
    }
    try {
      await this.#election.elect();
    } catch (error) {
      return { error: notRun(this.#owner.label, call, 'no leader could be elected', error) };
    }
    return { again: false };
  }

  async #forward(to: string, term: number, call: RemoteCall): Promise<Outcome> {
    const trace = this.#parts.telemetry?.forward(call, to);
    const reply = await this.#cluster.calls.call(to, causeIn(trace, call));
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

  async #runHere(command: CommandDefinition, call: RemoteCall, options: EnqueueOptions): Promise<Outcome> {
    const prepared = this.#prepare();
    if (prepared) {
      try {
        await prepared;
      } catch (error) {
        return { error: notRun(this.#owner.label, call, 'what its onActivate fired was not stored', error) };
      }
    }
    if (!this.leads) return { again: false };
    if (call.again) {
      const found = await findAnswer(this.#parts.engine, this.#owner, call);
      if (found) return found;
      if (!this.leads) return { again: true };
    }
    return this.#enqueue(command, call, options);
  }

  #enqueue(command: CommandDefinition, call: RemoteCall, options: EnqueueOptions): Promise<Outcome> {
    const { commandId, correlationId, causationId, chain, traceparent } = call;
    const owner = this.#owner;
    const method = answering(command.method, `the answer of '${command.name}' (${owner.label})`, (answer) => {
      if (options.recorded) owner.recordAnswer(answer);
    });
    return new Promise((settle) => {
      const cause = { commandId, correlationId, causationId, chain, traceparent };
      const request = owner.enqueueCommand({ ...command, method }, decodeArguments(call.args), cause, {
        ...options,
        onEvicted: () => settle({ again: false }),
      });
      request.promise.then(
        (answer) => settle({ answer }),
        (error: unknown) => settle({ error }),
      );
    });
  }

  /** `onActivate` runs once a leadership, before the first command. */
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

  async #serve(call: RemoteCall): Promise<Reply> {
    const { label } = this.#owner;
    await this.#owner.reached(call.since, SEE_OWN_MS_MAX);
    if (this.#cluster.leaving || !this.leads) return this.#refused();
    const command = this.#owner.commandNamed(call.command);
    if (!command) return this.#failed(unknownCommand(label, call.command, this.#parts.nodeId));
    const trace = this.#parts.telemetry?.serve(call);
    const running = this.#runHere(command, causeIn(trace, call), { recorded: true, trace });
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
