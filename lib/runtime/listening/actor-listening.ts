import type { Timer } from '../../engine/environment/index.js';
import type { ListenHandler, Listening, ListenSource, ListenToOptions } from '../../kernel/declaring/index.js';
import type { CommandDefinition } from '../../kernel/defining/index.js';
import { type HeardSource, IN_CODE, listenerKey } from '../../kernel/framework/index.js';
import { OmniscientError } from '../../kernel/values/index.js';
import type { RuntimeParts } from '../parts/index.js';
import type { Turn } from '../turn/index.js';
import { checkedSource } from './checked-source.js';
import type { Delivery } from './delivery.js';
import { decorated, inCode, isOrphaned, type Listener } from './listener.js';
import { ListenerSubscription } from './listener-subscription.js';
import type { ListeningOwner } from './listening-owner.js';
import type { Listeners } from './listening-status.js';
import { ProvisionalSources } from './provisional-sources.js';
import { Reactions } from './reactions.js';
import { SubscriptionRecords } from './subscription-records.js';

/**
 * Opens a listener subscription for each source that one activation listens to. The actor's stream records these sources, where each begins, and how far it was
 * heard. When a command makes the state name another source, its commit records that listening begins.
 */
export class ActorListening {
  readonly commands: ReadonlyMap<string, CommandDefinition>;
  readonly reactions: Reactions;
  readonly #owner: ListeningOwner;
  readonly #parts: RuntimeParts;
  readonly #records: SubscriptionRecords;
  readonly #decorated = new Map<string, Listener>();
  /** Listeners that `listenTo` started, by `listenerKey`, with the turn that set each last, and whether `onActivate` sets it in every activation. */
  readonly #inCode = new Map<string, { listener: Listener; turn: Turn; isSetAgain: boolean }>();
  readonly #subscriptions = new Map<string, ListenerSubscription>();
  readonly #provisional: ProvisionalSources;
  #stopped = false;
  #recording = false;
  #seenRevision = -1;
  #stopLooking: (() => void) | undefined;
  /** Whether no leader is known whose code listens: the actor was just loaded, or the leader is gone. */
  #isUnled = true;
  #timer: Timer | undefined;
  #lookedForEndsMs = 0;

  constructor(owner: ListeningOwner, parts: RuntimeParts) {
    this.#owner = owner;
    this.#parts = parts;
    for (const definition of owner.listens) this.#decorated.set(definition.name, decorated(definition));
    this.#records = new SubscriptionRecords(owner, parts.engine, (key) =>
      this.#provisional.processedTo(key, this.#subscriptions),
    );
    this.#provisional = new ProvisionalSources(owner, this.#records, parts, () => {
      this.#seenRevision = -1;
      this.look();
    });
    this.reactions = new Reactions(owner, this.#listeners(), parts);
    this.commands = new Map([...this.reactions.commands, ...this.#records.commands]);
  }

  #listeners(): Listeners {
    return {
      find: (name, source) => this.#listener(name, source),
      known: (key) => this.#provisional.known(key),
      isRecorded: (name, source) => this.#records.isRecorded(name, source),
      record: () => this.#records.fireChanges(),
    };
  }

  stop(): void {
    this.#stopped = true;
    this.#parts.environment.clearTimeout(this.#timer);
    this.#stopLooking?.();
    this.#provisional.stop();
    for (const subscription of this.#subscriptions.values()) subscription.stop();
  }

  /** Whether the activation must stay: a reaction runs or waits for a retry, or a command started a listener that would be lost. */
  get pinned(): boolean {
    if (this.#recording) return true;
    for (const subscription of this.#subscriptions.values()) if (subscription.busy) return true;
    if (this.#stopped || this.#owner.leads === false) return false;
    for (const [key, { isSetAgain }] of this.#inCode) {
      const subscription = isSetAgain ? undefined : this.#subscriptions.get(key);
      if (subscription && !subscription.isOver) return true;
    }
    return false;
  }

  /** Whether an event is not handled yet, or a change of what it listens to is not recorded yet. */
  get behind(): boolean {
    return this.#recording || [...this.#subscriptions.values()].some((subscription) => subscription.behind);
  }

  /** Whether `listenTo` has started this listener here. */
  isSet(key: string): boolean {
    return this.#inCode.has(key);
  }

  /** Everything that the actor itself listens to, and how far it has heard. */
  *listeningTo(): Generator<HeardSource & { readonly events: ReadonlySet<string> | undefined }> {
    for (const heard of this.#owner.listeningState.sources.values()) {
      const listener = this.#listener(heard.listener, heard.source);
      if (heard.sinceMs === undefined || !listener || this.reactions.status.isOver(listener, heard.source)) continue;
      const subscription = this.#subscriptions.get(listenerKey(heard.listener, heard.source));
      if (subscription?.isOver) continue;
      // Events without an effect are not recorded, and need not be handled again.
      yield { ...heard, at: Math.max(heard.at, subscription?.processedTo ?? 0), events: listener.events };
    }
  }

  /** Work at the end of a command: it records what changed. */
  readonly completing = (turn: Turn): Promise<void> | undefined => this.#records.completing(turn, this.#overInCode());

  /** The actor is loaded, or what is stored may have changed. */
  look(): void {
    if (!this.#owner.loaded || this.#stopped) return;
    const { listeningState } = this.#owner;
    if (this.#mayBegin && this.#owner.version === 0) {
      this.#provisional.begin(this.#attempt(() => this.#records.beginnings()) ?? []);
    }
    if (listeningState.revision !== this.#seenRevision) {
      this.#seenRevision = listeningState.revision;
      this.#openAndClose();
    }
    this.#stopLooking ??= this.#owner.onLeaderGone(() => {
      this.#isUnled = true;
      this.look();
    });
    if (this.#isUnled || (this.#owner.leads === false && this.#owner.mayRecord)) this.#callLeader();
    // Another class on the stream may have changed the state. Nothing is recorded for an actor without events, because it is only looked at.
    if (this.#mayBegin && this.#owner.version > 0 && this.#attempt(() => this.#records.areBehind())) this.#record();
  }

  get #mayBegin(): boolean {
    return !this.#recording && this.#owner.settled && this.#owner.mayRecord;
  }

  /** Only the leader knows the listeners that code starts. So some node has to lead for their events to be handled. */
  #callLeader(): void {
    if (this.#recording) return;
    const sources = this.#owner.leads === undefined ? [] : [...this.#owner.listeningState.sources.values()];
    const isInCode = sources.some(({ listener, source }) => {
      return listener.startsWith(IN_CODE) && !this.#listener(listener, source);
    });
    if (isInCode) this.#record();
    else this.#isUnled = false;
  }

  /** Resolves when an actor without events listens. It never rejects. */
  get begun(): Promise<void> | undefined {
    return this.#provisional.beginning;
  }

  /** Calls the class's own code; `undefined` if that throws. */
  #attempt<T>(ask: () => T): T | undefined {
    try {
      return ask();
    } catch (error) {
      this.#parts.log.error(`${this.#owner.label}: the function that names the streams to listen to failed`, error);
      return undefined;
    }
  }

  /** Reacts to another stream's event. */
  react(delivery: Delivery): Promise<unknown> {
    return this.reactions.react(delivery);
  }

  /** Inside a turn: starts a listener. */
  listenTo(turn: Turn, source: ListenSource, handler: ListenHandler, options: ListenToOptions): Listening {
    const { name, key, streamId, events } = checkedSource(this.#owner.label, source, handler, options);
    const listener = inCode(name, handler, events, options);
    const before = this.#inCode.get(key);
    // A node that leads again runs `onActivate` again, which calls `listenTo` again.
    const isActivating = turn.request.name === 'onActivate';
    const isAgain = isActivating && before?.turn !== turn;
    const nowMs = this.#parts.clock.now();
    const wasLate = before !== undefined && this.reactions.status.isLate(before.listener, streamId, nowMs);
    if (before && !isAgain && (before.turn === turn || (this.#hasBegun(name, streamId) && !wasLate))) {
      throw new OmniscientError(
        'ALREADY_LISTENING',
        `${this.#owner.label}: '${name}' already listens to that source: stop it first, or give this listener another name with listenTo(…, { name })`,
      );
    }
    this.#inCode.set(key, { listener, turn, isSetAgain: isActivating || before?.isSetAgain === true });
    // What ended stays ended for the next activation's `onActivate`. A command may begin it anew.
    const isLate = wasLate || this.reactions.status.isLate(listener, streamId, nowMs);
    const isOver = isLate || this.reactions.status.isOver(listener, streamId);
    const { from, count, forMs } = options;
    if (!isActivating || !isOver) this.#records.begin(turn, name, { source: streamId, from, count, forMs }, isOver);
    this.#seenRevision = -1;
    // An earlier activation may have recorded it already.
    this.#parts.environment.queueMicrotask(() => this.look());
    return { stop: () => this.#end(name, streamId) };
  }

  /** Whether code listens to it, or will from the first event on. */
  #hasBegun(name: string, source: string): boolean {
    return this.#subscriptions.has(listenerKey(name, source)) || this.#records.isDeferred(name, source);
  }

  #listener(name: string, source: string): Listener | undefined {
    return this.#decorated.get(name) ?? this.#inCode.get(listenerKey(name, source))?.listener;
  }

  #openAndClose(): void {
    const { listeningState } = this.#owner;
    for (const [key, subscription] of this.#subscriptions) {
      if (this.#provisional.known(key)?.sinceMs === subscription.sinceMs) continue;
      subscription.stop();
      this.#subscriptions.delete(key);
      this.#forget(key);
    }
    for (const key of [...listeningState.sources.keys(), ...this.#provisional.keys()]) {
      const heard = this.#provisional.known(key);
      if (heard?.sinceMs === undefined || this.#subscriptions.has(key)) continue;
      const listener = this.#listener(heard.listener, heard.source);
      if (!listener || this.reactions.status.isOver(listener, heard.source)) continue;
      const parts = { owner: this.#owner, parts: this.#parts, reactions: this.reactions };
      const subscription = new ListenerSubscription(parts, listener, heard);
      this.#subscriptions.set(key, subscription);
      subscription.start();
    }
  }

  /** Drops a listener that a command started, once it has ended. `onActivate` would set its own again. */
  #forget(key: string): void {
    if (!this.#owner.listeningState.ended.has(key)) return;
    this.reactions.forget(key);
    if (!this.#inCode.get(key)?.isSetAgain) this.#inCode.delete(key);
  }

  /** Listeners started in code that have ended, though the stream does not say so yet. */
  #overInCode(): HeardSource[] {
    const nowMs = this.#parts.environment.monotonicMs();
    if (this.#owner.firedInTurn() === 0 || nowMs < this.#lookedForEndsMs + LOOK_FOR_ENDS_MS) return [];
    this.#lookedForEndsMs = nowMs;
    return [...this.#owner.listeningState.sources].flatMap(([key, heard]) => {
      const subscription = this.#subscriptions.get(key);
      if (subscription) return subscription.listener.isInCode && subscription.isOver ? heard : [];
      return !this.#inCode.has(key) && isOrphaned(heard, this.#parts.clock.now()) ? heard : [];
    });
  }

  #record(): void {
    this.#recording = true;
    const again = () => {
      this.#recording = false;
      this.look();
    };
    // Whoever answers leads, unless it is heard meanwhile that it is gone.
    const wasUnled = this.#isUnled;
    this.#isUnled = false;
    this.#records.store().then(again, (error: unknown) => {
      if (this.#stopped) return;
      this.#isUnled ||= wasUnled;
      this.#parts.log.warn(`${this.#owner.label}: what it listens to could not be recorded; it is retried`, error);
      this.#timer = this.#parts.environment.setTimeout(again, RECORD_AGAIN_MS).unref();
    });
  }

  /** Ends a listener for good. Inside a turn the end is stored with the turn's events, so that neither is stored without the other. */
  #end(listener: string, source: string): void {
    const key = listenerKey(listener, source);
    this.#provisional.delete(key);
    if (this.#owner.inTurn) {
      this.#records.fireEnd(listener, source);
      return;
    }
    this.#subscriptions.get(key)?.stop();
    this.#records.end(listener, source).catch((error: unknown) => {
      if (!this.#stopped)
        this.#parts.log.warn(`${this.#owner.label}: it could not be recorded that '${listener}' ended`, error);
    });
  }
}

/** How soon recording what it listens to is retried after a failure. Milliseconds. */
const RECORD_AGAIN_MS = 500;
/** How often, at most, it checks for listeners whose time is over. Their end is recorded with whatever is stored next. Milliseconds. */
const LOOK_FOR_ENDS_MS = 1_000;
