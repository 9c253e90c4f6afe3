import { detached } from '../../engine/environment/async-context.js';
import { type ActorBase, bindContext } from '../../kernel/declaring/actor.js';
import type { OnConflict } from '../../kernel/declaring/marks.js';
import type { CommandDefinition, CommandMethod } from '../../kernel/defining/actor-definition.js';
import { ActorState } from '../../kernel/folding/actor-state.js';
import { OptimisticState } from '../../kernel/folding/optimistic-state.js';
import { FrameworkState } from '../../kernel/framework/framework-events.js';
import type { EventRecord } from '../../kernel/values/event.js';
import type { Commit } from '../commit/commit.js';
import { CommitPipeline, type PipelineOwner } from '../commit/commit-pipeline.js';
import { type FeedOwner, LiveFeed } from '../commit/live-feed.js';
import { causeIn, Request } from '../commit/request.js';
import type { Origin, RequestCause } from '../events/cause.js';
import type { LeaderRole } from '../leading/leader-role.js';
import { isRepeatable, type RepeatedCommands } from '../leading/repeated-commands.js';
import type { EnqueueOptions } from '../leading/role-owner.js';
import type { ActorListening } from '../listening/actor-listening.js';
import type { TickRole } from '../ticking/tick-role.js';
import { isOnce, isUsers } from '../turn/command-names.js';
import type { Turn } from '../turn/turn.js';
import { causeOf } from '../turn/turn.js';
import { TurnContext } from '../turn/turn-context.js';
import { TurnLoop } from '../turn/turn-loop.js';
import type { ActivationHost, ActivationObserver } from './activation-host.js';
import type { NodeParts } from './node-parts.js';

/**
 * An actor's live instance on this node. Its loop runs commands on confirmed plus pending state, its pipeline stores what they fired, its feed
 * brings what others stored. What is special to a kind of actor is its role.
 */
export class Activation implements PipelineOwner, FeedOwner {
  readonly label: string;
  readonly optimistic: OptimisticState<Commit>;
  readonly actorState: ActorState;
  readonly loop: TurnLoop;
  readonly context: TurnContext;
  readonly feed: LiveFeed | undefined;
  /** What the framework's events say. */
  readonly framework: FrameworkState;
  /** Of a `OneActor`. */
  readonly leader: LeaderRole | undefined;
  /** Of a `TickActor`. */
  readonly ticks: TickRole | undefined;
  /** Its past is in the state: what it listens to may be opened. */
  loaded = false;
  /** Of an actor that listens. */
  listening: ActorListening | undefined;
  /** False once let go or broken: the host makes a new one for the next command. */
  alive = true;
  /** For the host: whether it was used since it last looked. */
  used = true;
  /** For the host: refs handed out and not released. */
  refs = 0;
  /** For the host: version of the last snapshot. */
  snapshotVersion = 0;
  /** For the host: of the class's handlers and initial state; the same string for most activations of a class. */
  fingerprint = '';
  readonly #host: ActivationHost<Activation>;
  readonly #pipeline: CommitPipeline;
  #observers: Set<ActivationObserver> | undefined;
  #repeats: RepeatedCommands | undefined;

  constructor(
    host: ActivationHost<Activation>,
    readonly id: string,
    readonly streamId: string,
    readonly actor: ActorBase<object, object>,
  ) {
    const { definition, parts } = host;
    this.#host = host;
    this.label = `${definition.name} '${id}'`;
    this.context = new TurnContext(this);
    bindContext(actor, this.context);
    const framework = new FrameworkState(definition.name);
    this.framework = framework;
    this.actorState = new ActorState(definition, actor, streamId, parts.unknownEvents);
    this.optimistic = new OptimisticState(this.actorState, (events) => {
      framework.applyAll(events);
      return this.#repeats?.confirmed(events) ?? false;
    });
    const isLive = definition.kind !== 'actor';
    const isChecked = isLive || definition.listens.length > 0;
    this.#pipeline = new CommitPipeline(parts, streamId, isChecked, this.optimistic, this);
    this.loop = new TurnLoop({
      label: this.label,
      runtime: parts,
      actor,
      state: this.optimistic,
      pipeline: this.#pipeline,
      changed: () => this.changed(),
      completing: (turn) => this.listening?.completing(turn),
    });
    this.feed = isLive ? new LiveFeed(parts, streamId, this) : undefined;
    if (definition.kind === 'one') this.leader = host.roles.leader(this);
    if (definition.kind === 'tick') this.ticks = host.roles.ticks(this);
    if (definition.listens.length > 0) this.listen();
  }

  get parts(): NodeParts {
    return this.#host.parts;
  }

  get actorName(): string {
    return this.#host.definition.name;
  }

  /** Runs a lifecycle hook, or what the framework itself decides, as a turn of its own; also while the host is closing. */
  decide(name: string, method: CommandMethod, onConflict: OnConflict, origin?: Origin): Promise<unknown> {
    const cause = causeOf(this.parts.ids.next(), undefined, origin);
    return detached(() => this.enqueue({ name, method, onConflict }, [], cause, undefined).promise);
  }

  /** Puts a command in the queue, whoever leads. */
  enqueue(
    command: CommandDefinition,
    args: readonly unknown[],
    cause: RequestCause,
    caller: Turn | undefined,
    options?: EnqueueOptions,
  ): Request {
    const { name, onConflict } = command;
    const repeats = isRepeatable(name, cause.commandId);
    const method = repeats ? this.#repeatedCommands().recognising(command, cause.commandId) : command.method;
    const trace = options?.trace ?? this.trace(command, args, cause, false);
    const request = new Request(name, method, args, onConflict, causeIn(trace, cause));
    if (options) Object.assign(request, options);
    request.trace = trace;
    request.copiesArguments = repeats || (isUsers(name) && (onConflict === 'rerun' || isOnce(name)));
    if (repeats) request.keepContext();
    caller?.waitFor(request.promise, this.loop);
    this.used = true;
    this.#host.busy(this);
    this.loop.enqueue(request);
    return request;
  }

  /** What it listens to; from now on no other's note of what was heard may be overwritten unseen. @throws ConflictError when one has been already. */
  listen(): ActorListening {
    this.#pipeline.check();
    this.listening ??= this.#host.roles.listening(this);
    return this.listening;
  }

  /** What is stored may have changed what it listens to; also what only the leader's code listens to. */
  refreshListening(): void {
    if (this.feed && this.framework.isListening) this.listen();
    this.listening?.look();
  }

  /** Runs a command of the framework's own, wherever commands run. */
  runOwn(command: CommandDefinition, args: readonly unknown[], origin: Origin | undefined, options: EnqueueOptions) {
    const cause = causeOf(origin?.commandId ?? this.parts.ids.next(), undefined, origin);
    const observed = { ...options, trace: this.trace(command, args, cause, false) };
    return detached(() => {
      if (this.leader) return this.leader.run(command, args, cause, observed);
      return this.enqueue(command, args, cause, undefined, observed).promise;
    });
  }

  /** The turn that runs now. */
  get running(): Turn | undefined {
    return this.loop.running;
  }

  /** Whether nothing waits, runs or is on its way to the engine. */
  get settled(): boolean {
    if (this.leader && this.leader.size > 0) return false;
    return this.loop.size === 0 && this.optimistic.pending.length === 0 && !this.#pipeline.appending;
  }

  /** Whether it can be let go now without anybody noticing. */
  get idle(): boolean {
    if (this.ticks?.pinned || this.listening?.pinned) return false;
    return this.settled && (this.#observers?.size ?? 0) === 0 && !(this.feed?.reading ?? false);
  }

  /** Tells callers whose time is up. */
  timeOut(nowMs: number): void {
    this.#pipeline.timeOut(this.optimistic.pending, nowMs);
    this.#pipeline.timeOut(this.loop.held, nowMs);
  }

  /** The end: whatever still waits fails with `error`. */
  end(error: unknown): void {
    if (!this.alive) return;
    this.alive = false;
    this.feed?.stop();
    this.listening?.stop();
    if (this.ticks) this.parts.ticks.ended(this.ticks);
    this.#pipeline.abandon(error);
    this.loop.end(error);
    this.#host.gone(this);
    this.#observers?.forEach((observer) => observer.ended(error));
  }

  /** Version of the last stored event that is in the state. */
  get version(): number {
    return this.optimistic.version;
  }

  /** The state as it is seen from outside, frozen: of a `OneActor` only what is stored. */
  seen(): object {
    return this.leader ? this.optimistic.confirmed() : this.optimistic.current();
  }

  /** A number that changes with `seen()`. */
  get seenRevision(): number {
    return this.leader ? this.optimistic.confirmedRevision : this.optimistic.revision;
  }

  /** How many events are seen and not yet stored. */
  get pending(): number {
    return this.leader ? 0 : this.optimistic.pendingEvents;
  }

  observe(observer: ActivationObserver): () => void {
    this.#observers ??= new Set();
    this.#observers.add(observer);
    return () => {
      this.#observers?.delete(observer);
      this.used = true;
    };
  }

  get busy(): boolean {
    return this.#pipeline.appending;
  }

  take(events: readonly EventRecord[]): void {
    this.#pipeline.rebase(events);
  }

  changed(): void {
    if (!this.alive) return;
    this.#host.confirmed(this);
    this.ticks?.look();
    this.refreshListening();
    this.#observers?.forEach((observer) => observer.changed());
  }

  hold(commits: readonly Commit[]): void {
    this.loop.hold(commits);
  }

  overtaken(others: readonly EventRecord[]): boolean {
    return this.leader?.isOvertaken(others) ?? false;
  }

  evict(error: unknown): void {
    this.loop.evict(error);
  }

  appended(): void {
    this.feed?.catchUp();
  }

  broke(error: unknown): void {
    this.#host.broke(this, error);
  }

  trace(command: CommandDefinition, args: readonly unknown[], cause: RequestCause, isCalled: boolean) {
    return this.parts.telemetry?.command(this, command.name, args, cause, isCalled);
  }

  #repeatedCommands(): RepeatedCommands {
    this.#repeats ??= this.#host.roles.repeats(this);
    return this.#repeats;
  }
}
