import { type ActorBase, type ActorContext, bindContext } from '../kernel/actor.js';
import { ActorState } from '../kernel/actor-state.js';
import type { ActorDefinition, CommandMethod } from '../kernel/definition.js';
import { ActorOverloadedError, ShuttingDownError } from '../kernel/errors.js';
import type { EventRecord } from '../kernel/event.js';
import { assertEventName } from '../kernel/ids.js';
import type { OnConflict } from '../kernel/marks.js';
import { OptimisticState } from '../kernel/optimistic-state.js';
import { assertJson } from '../kernel/plain-data.js';
import { CommitPipeline, type PipelineOwner } from './commit-pipeline.js';
import { MetadataWriter } from './event-codec.js';
import { type FeedOwner, LiveFeed } from './live-feed.js';
import { type Commit, Request } from './request.js';
import type { RuntimeParts } from './settings.js';
import { assertInTurn, assertNoDeadlock, currentTurn, outsideTurns, type Turn } from './turn.js';
import { TurnLoop } from './turn-loop.js';

/** What an activation reports to the host that keeps it. */
export interface ActivationHost {
  readonly definition: ActorDefinition;
  readonly parts: RuntimeParts;
  /** Only calls made inside actors are still taken. */
  readonly closing: boolean;
  /** It has work whose callers wait. */
  busy(activation: Activation): void;
  /** The confirmed state moved on. */
  confirmed(activation: Activation): void;
  /** It is of no more use; whoever asks for the id gets a new one. */
  gone(activation: Activation): void;
}

/** Somebody who looks at an activation: a subscription. */
export interface ActivationObserver {
  changed(): void;
  ended(error: unknown): void;
}

/**
 * An actor's live instance on this node. Its loop runs commands on confirmed plus pending state, its pipeline stores what they fired, its feed
 * brings what others stored.
 */
export class Activation implements ActorContext, PipelineOwner, FeedOwner {
  readonly label: string;
  readonly optimistic: OptimisticState<Commit>;
  readonly actorState: ActorState;
  readonly feed: LiveFeed | undefined;
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
  readonly #host: ActivationHost;
  /** Made with the first event: most activations are only looked at. */
  #metadata: MetadataWriter | undefined;
  readonly #pipeline: CommitPipeline;
  readonly #loop: TurnLoop;
  #observers: Set<ActivationObserver> | undefined;

  constructor(
    host: ActivationHost,
    readonly id: string,
    readonly streamId: string,
    readonly actor: ActorBase<object, object>,
  ) {
    const { definition, parts } = host;
    this.#host = host;
    this.label = `${definition.name} '${id}'`;
    bindContext(actor, this);
    this.actorState = new ActorState(definition, actor, streamId);
    this.optimistic = new OptimisticState(this.actorState);
    const live = definition.kind === 'live';
    this.#pipeline = new CommitPipeline(parts, streamId, live, this.optimistic, this);
    this.#loop = new TurnLoop({
      label: this.label,
      runtime: parts,
      actor,
      state: this.optimistic,
      pipeline: this.#pipeline,
      changed: () => this.changed(),
    });
    this.feed = live ? new LiveFeed(parts, streamId, this) : undefined;
  }

  // --- what the actor itself can do (ActorContext) ---

  get state(): object {
    return this.actorState.tree.view;
  }

  replaceState(state: object): void {
    this.actorState.tree.replace(state);
  }

  fire(name: string, data: unknown): void {
    const turn = assertInTurn(this.#loop.running, `fire('${String(name)}')`, this.label);
    assertEventName(name);
    const text = assertJson(data, `the payload of '${name}'`);
    const id = this.#host.parts.ids.next();
    const metadata = this.#metadataWriter().write(turn.request.cause);
    try {
      this.optimistic.fire({ id, name, data: text, metadata });
    } catch (error) {
      // The command fails even if its method catches this: the event is not in the state.
      turn.failure ??= error;
      throw error;
    }
  }

  commit(): Promise<void> {
    return this.#loop.commitPart(assertInTurn(this.#loop.running, 'commit()', this.label));
  }

  // --- commands ---

  /** Takes a command; the promise settles when its commit is durable or has failed. */
  submit(name: string, method: CommandMethod, args: readonly unknown[], onConflict: OnConflict): Promise<unknown> {
    const caller = currentTurn();
    try {
      this.#assertAccepts(caller);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#enqueue(name, method, args, onConflict, caller);
  }

  /** Runs a lifecycle hook as a turn of its own, also while the host is closing. */
  runHook(name: string, method: () => unknown): Promise<unknown> {
    return this.#enqueue(name, method as CommandMethod, [], 'reapply', undefined);
  }

  /** The turn that runs now. */
  get running(): Turn | undefined {
    return this.#loop.running;
  }

  /** Whether nothing waits, runs or is on its way to the engine. */
  get settled(): boolean {
    return this.#loop.size === 0 && this.optimistic.pending.length === 0 && !this.#pipeline.appending;
  }

  /** Whether it can be let go now without anybody noticing. */
  get idle(): boolean {
    return this.settled && (this.#observers?.size ?? 0) === 0 && !(this.feed?.reading ?? false);
  }

  /** Tells callers whose time is up. */
  timeOut(nowMs: number): void {
    this.#pipeline.timeOut(this.optimistic.pending, nowMs);
    this.#pipeline.timeOut(this.#loop.held, nowMs);
  }

  /** The end: whatever still waits fails with `error`. */
  end(error: unknown): void {
    if (!this.alive) return;
    this.alive = false;
    this.feed?.stop();
    this.#pipeline.abandon(error);
    this.#loop.end(error);
    this.#host.gone(this);
    outsideTurns(() => this.#observers?.forEach((observer) => observer.ended(error)));
  }

  // --- being seen ---

  /** Version of the last stored event that is in the state. */
  get version(): number {
    return this.optimistic.version;
  }

  observe(observer: ActivationObserver): () => void {
    this.#observers ??= new Set();
    this.#observers.add(observer);
    return () => {
      this.#observers?.delete(observer);
      this.used = true;
    };
  }

  // --- what pipeline and feed say ---

  get busy(): boolean {
    return this.#pipeline.appending;
  }

  take(events: readonly EventRecord[]): void {
    this.#pipeline.rebase(events);
  }

  changed(): void {
    if (!this.alive) return;
    this.#host.confirmed(this);
    const observers = this.#observers;
    if (observers && observers.size > 0) outsideTurns(() => observers.forEach((observer) => observer.changed()));
  }

  hold(commits: readonly Commit[]): void {
    this.#loop.hold(commits);
  }

  appended(): void {
    this.feed?.catchUp();
  }

  broke(error: unknown): void {
    this.#host.parts.log.error(`${this.label}: given up here, and loaded again for the next command`, error);
    this.end(error);
  }

  #metadataWriter(): MetadataWriter {
    const { definition, parts } = this.#host;
    this.#metadata ??= new MetadataWriter(parts.clock, definition.name, parts.nodeId, parts.ids.next());
    return this.#metadata;
  }

  #assertAccepts(caller: Turn | undefined): void {
    if (this.#host.closing && !caller) throw new ShuttingDownError();
    const { mailboxSizeMax } = this.#host.parts.limits;
    if (this.#loop.size + this.optimistic.pending.length >= mailboxSizeMax) {
      throw new ActorOverloadedError(this.#host.definition.name, this.id, mailboxSizeMax);
    }
    if (caller) assertNoDeadlock(caller, this.#loop);
  }

  #enqueue(
    name: string,
    method: CommandMethod,
    args: readonly unknown[],
    onConflict: OnConflict,
    caller: Turn | undefined,
  ): Promise<unknown> {
    const commandId = this.#host.parts.ids.next();
    const from = caller?.request.cause;
    const correlationId = from?.correlationId ?? commandId;
    const request = new Request(name, method, args, onConflict, {
      commandId,
      correlationId,
      causationId: from?.commandId ?? null,
    });
    caller?.waitFor(request.promise, this.#loop);
    this.used = true;
    this.#host.busy(this);
    this.#loop.enqueue(request);
    return request.promise;
  }
}
