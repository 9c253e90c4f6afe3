import { detached } from '../../engine/environment/index.js';
import { type ActorBase, bindContext, type OnConflict } from '../../kernel/declaring/index.js';
import type { CommandDefinition, CommandMethod } from '../../kernel/defining/index.js';
import { ActorState, OptimisticState } from '../../kernel/folding/index.js';
import { FrameworkState } from '../../kernel/framework/index.js';
import type { EventRecord } from '../../kernel/values/index.js';
import {
  type Commit,
  CommitPipeline,
  causeIn,
  type FeedOwner,
  LiveFeed,
  type PipelineOwner,
  Request,
} from '../commit/index.js';
import type { Origin, RequestCause } from '../events/index.js';
import { type EnqueueOptions, isRepeatable, type LeaderRole, type RepeatedCommands } from '../leading/index.js';
import type { ActorListening } from '../listening/index.js';
import type { TickRole } from '../ticking/index.js';
import { causeOf, isOnce, isUsers, type Turn, TurnContext, TurnLoop } from '../turn/index.js';
import type { ActivationHost, ActivationObserver } from './activation-host.js';
import type { NodeParts } from './node-parts.js';

/**
 * An actor's live instance on this node. Its turn loop runs commands on confirmed and pending state. Its pipeline stores the fired events. Its feed brings
 * events that others stored. Roles add what is special to a kind of actor.
 */
export class Activation implements PipelineOwner, FeedOwner {
  readonly label: string;
  readonly optimistic: OptimisticState<Commit>;
  readonly actorState: ActorState;
  readonly loop: TurnLoop;
  readonly context: TurnContext;
  readonly feed: LiveFeed | undefined;
  /** What the framework's events record about it. */
  readonly framework: FrameworkState;
  /** Only for a `OneActor`. */
  readonly leader: LeaderRole | undefined;
  /** Only for a `TickActor`. */
  readonly ticks: TickRole | undefined;
  /** The state contains all past events, so listener subscriptions may be opened. */
  loaded = false;
  /** Only for an actor that listens. */
  listening: ActorListening | undefined;
  /** False once it is passivated or broken. The host then makes a new one for the next command. */
  alive = true;
  /** For the host: whether it was used since the host last checked. */
  used = true;
  /** For the host: how many refs were handed out and not released. */
  refs = 0;
  /** For the host: the version of the last snapshot. */
  snapshotVersion = 0;
  /** For the host: the fingerprint of the class's handlers and initial state. Most activations of a class share one string. */
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

  /** Runs a lifecycle hook, or a decision of the framework, as a turn of its own. It works while the host is closing, too. */
  decide(name: string, method: CommandMethod, onConflict: OnConflict, origin?: Origin): Promise<unknown> {
    const cause = causeOf(this.parts.ids.next(), undefined, origin);
    return detached(() => this.enqueue({ name, method, onConflict }, [], cause, undefined).promise);
  }

  /** Puts a command into the mailbox, whichever node leads. */
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

  /**
   * Returns its listening role. From now on it checks versions, so that it never overwrites another writer's note of what was heard. @throws ConflictError when
   * events are missing in its state already.
   */
  listen(): ActorListening {
    this.#pipeline.check();
    this.listening ??= this.#host.roles.listening(this);
    return this.listening;
  }

  /**
   * Opens and closes listener subscriptions after the stored state may have changed. On an actor that is led, it also covers listeners that only the leader's
   * code starts.
   */
  refreshListening(): void {
    if (this.feed && this.framework.isListening) this.listen();
    this.listening?.look();
  }

  /** Runs one of the framework's own commands, on the node where the actor's commands run. */
  runOwn(command: CommandDefinition, args: readonly unknown[], origin: Origin | undefined, options: EnqueueOptions) {
    const cause = causeOf(origin?.commandId ?? this.parts.ids.next(), undefined, origin);
    const observed = { ...options, trace: this.trace(command, args, cause, false) };
    return detached(() => {
      if (this.leader) return this.leader.run(command, args, cause, observed);
      return this.enqueue(command, args, cause, undefined, observed).promise;
    });
  }

  /** The running turn. */
  get running(): Turn | undefined {
    return this.loop.running;
  }

  /** Whether nothing waits, runs or is on its way to the engine. */
  get settled(): boolean {
    if (this.leader && this.leader.size > 0) return false;
    return this.loop.size === 0 && this.optimistic.pending.length === 0 && !this.#pipeline.appending;
  }

  /** Whether it can be passivated now without any effect on others. */
  get idle(): boolean {
    if (this.ticks?.pinned || this.listening?.pinned) return false;
    return this.settled && (this.#observers?.size ?? 0) === 0 && !(this.feed?.reading ?? false);
  }

  /** Rejects the callers whose commit took longer than `commitTimeoutMs`. */
  timeOut(nowMs: number): void {
    this.#pipeline.timeOut(this.optimistic.pending, nowMs);
    this.#pipeline.timeOut(this.loop.held, nowMs);
  }

  /** Ends it. Everything that still waits fails with `error`. */
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

  /** The version of the last stored event in the state. */
  get version(): number {
    return this.optimistic.version;
  }

  /** The state that others see, frozen. Of a `OneActor` that is only what is stored. */
  seen(): object {
    return this.leader ? this.optimistic.confirmed() : this.optimistic.current();
  }

  /** A number that changes whenever `seen()` does. */
  get seenRevision(): number {
    return this.leader ? this.optimistic.confirmedRevision : this.optimistic.revision;
  }

  /** How many events are visible and not stored yet. */
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
