import type { Timer } from '../../engine/environment/environment.js';
import type { ListenHandler, Listening, ListenSource, ListenToOptions } from '../../kernel/declaring/listening.js';
import type { CommandDefinition } from '../../kernel/defining/actor-definition.js';
import { listenerKey } from '../../kernel/framework/ended-sources.js';
import { type HeardSource, IN_CODE } from '../../kernel/framework/listening-state.js';
import { OmniscientError } from '../../kernel/values/errors.js';
import type { RuntimeParts } from '../parts/settings.js';
import type { Turn } from '../turn/turn.js';
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
 * What one activation listens to. Its stream says which sources those are, from where on, and how far each was heard; this opens an ear for each, and
 * writes down, in the commit of the command that made the state name another source, that listening to it began.
 */
export class ActorListening {
  readonly commands: ReadonlyMap<string, CommandDefinition>;
  readonly reactions: Reactions;
  readonly #owner: ListeningOwner;
  readonly #parts: RuntimeParts;
  readonly #records: SubscriptionRecords;
  readonly #decorated = new Map<string, Listener>();
  /** Those set in code, by `listenerKey`, with the turn that set them last, and whether `onActivate` sets them in every activation. */
  readonly #inCode = new Map<string, { listener: Listener; turn: Turn; isSetAgain: boolean }>();
  readonly #subscriptions = new Map<string, ListenerSubscription>();
  readonly #provisional: ProvisionalSources;
  #stopped = false;
  #recording = false;
  #seenRevision = -1;
  #stopLooking: (() => void) | undefined;
  /** Nothing has shown yet that somebody leads, and listens in code: it was just loaded, or the leader is gone. */
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

  /** Its activation must stay: a reaction is under way, or waits to be tried again; or a command gave it what hears, which would be gone. */
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

  /** Whether something that was said, or what it listens to, is not written down yet. */
  get behind(): boolean {
    return this.#recording || [...this.#subscriptions.values()].some((subscription) => subscription.behind);
  }

  /** Whether something was set in code that hears this. */
  isSet(key: string): boolean {
    return this.#inCode.has(key);
  }

  /** Everything it listens to itself, and how far it has heard. */
  *listeningTo(): Generator<HeardSource & { readonly events: ReadonlySet<string> | undefined }> {
    for (const heard of this.#owner.listeningState.sources.values()) {
      const listener = this.#listener(heard.listener, heard.source);
      if (heard.sinceMs === undefined || !listener || this.reactions.status.isOver(listener, heard.source)) continue;
      const subscription = this.#subscriptions.get(listenerKey(heard.listener, heard.source));
      if (subscription?.isOver) continue;
      // What came to nothing is not written down, and need not be heard again.
      yield { ...heard, at: Math.max(heard.at, subscription?.processedTo ?? 0), events: listener.events };
    }
  }

  /** A command has run: what its end brings with it. */
  readonly completing = (turn: Turn): Promise<void> | undefined => this.#records.completing(turn, this.#overInCode());

  /** The actor is loaded, or what is stored may have changed. */
  look(): void {
    if (!this.#owner.loaded || this.#stopped) return;
    const { listeningState } = this.#owner;
    if (this.#mayBegin && this.#owner.version === 0) {
      this.#provisional.begin(this.#asked(() => this.#records.beginnings()) ?? []);
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
    // Another class on the stream may have changed the state. Of an actor that has no event nothing is written down: it is only looked at.
    if (this.#mayBegin && this.#owner.version > 0 && this.#asked(() => this.#records.areBehind())) this.#record();
  }

  get #mayBegin(): boolean {
    return !this.#recording && this.#owner.settled && this.#owner.mayRecord;
  }

  /** What is listened to in code only who leads knows: somebody has to lead for that to be heard. */
  #callLeader(): void {
    if (this.#recording) return;
    const sources = this.#owner.leads === undefined ? [] : [...this.#owner.listeningState.sources.values()];
    const isInCode = sources.some(({ listener, source }) => {
      return listener.startsWith(IN_CODE) && !this.#listener(listener, source);
    });
    if (isInCode) this.#record();
    else this.#isUnled = false;
  }

  /** Resolves when it hears what it listens to, though it has no event. Never rejects. */
  get begun(): Promise<void> | undefined {
    return this.#provisional.beginning;
  }

  /** What of it the class's own code says; `undefined` if that throws. */
  #asked<T>(ask: () => T): T | undefined {
    try {
      return ask();
    } catch (error) {
      this.#parts.log.error(`${this.#owner.label}: what its state listens to could not be worked out`, error);
      return undefined;
    }
  }

  /** Another one's event concerns this actor. */
  react(delivery: Delivery): Promise<unknown> {
    return this.reactions.react(delivery);
  }

  /** Inside a turn: it listens to this too from now on. */
  listenTo(turn: Turn, source: ListenSource, handler: ListenHandler, options: ListenToOptions): Listening {
    const { name, key, streamId, events } = checkedSource(this.#owner.label, source, handler, options);
    const listener = inCode(name, handler, events, options);
    const before = this.#inCode.get(key);
    // Who leads again activates again, and so listens again.
    const isActivating = turn.request.name === 'onActivate';
    const isAgain = isActivating && before?.turn !== turn;
    const nowMs = this.#parts.clock.now();
    const wasLate = before !== undefined && this.reactions.status.isLate(before.listener, streamId, nowMs);
    if (before && !isAgain && (before.turn === turn || (this.#hasBegun(name, streamId) && !wasLate))) {
      throw new OmniscientError(
        'ALREADY_LISTENING',
        `${this.#owner.label}: '${name}' listens to that already: stop it first, or give this one another name with listenTo(…, { name })`,
      );
    }
    this.#inCode.set(key, { listener, turn, isSetAgain: isActivating || before?.isSetAgain === true });
    // What ended stays so for the next activation's `onActivate`; a command may begin it anew.
    const isLate = wasLate || this.reactions.status.isLate(listener, streamId, nowMs);
    const isOver = isLate || this.reactions.status.isOver(listener, streamId);
    const { from, count, forMs } = options;
    if (!isActivating || !isOver) this.#records.begin(turn, name, { source: streamId, from, count, forMs }, isOver);
    this.#seenRevision = -1;
    // It may be written down already, by an activation before this one.
    this.#parts.environment.queueMicrotask(() => this.look());
    return { stop: () => this.#end(name, streamId) };
  }

  /** Whether it listens to it from code, or will from the first event on. */
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

  /** What a command set is of no use once it has ended; `onActivate` would set its own again. */
  #forget(key: string): void {
    if (!this.#owner.listeningState.ended.has(key)) return;
    this.reactions.forget(key);
    if (!this.#inCode.get(key)?.isSetAgain) this.#inCode.delete(key);
  }

  /** What code listens to and has heard to its end, though what is stored does not say so yet. */
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
      this.#parts.log.warn(`${this.#owner.label}: could not write down what it listens to; it is tried again`, error);
      this.#timer = this.#parts.environment.setTimeout(again, RECORD_AGAIN_MS).unref();
    });
  }

  /** Hears nothing more of it, for good. Inside a turn that is stored with what the turn fires, so that neither is there without the other. */
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
        this.#parts.log.warn(`${this.#owner.label}: could not write down that '${listener}' ended`, error);
    });
  }
}

/** When it was not possible to write down what is listened to: how soon it is tried again. Milliseconds. */
const RECORD_AGAIN_MS = 500;
/** How often it is looked, at most, for what ended by its time: that is written down with whatever is stored next. Milliseconds. */
const LOOK_FOR_ENDS_MS = 1_000;
