import type { Timer } from '../../engine/environment.js';
import type { CommandDefinition } from '../../kernel/definition.js';
import { hearingKey } from '../../kernel/ended-sources.js';
import { OmniscientError } from '../../kernel/errors.js';
import { type HeardSource, IN_CODE } from '../../kernel/hearing.js';
import type { ListenHandler, Listening, ListenSource, ListenToOptions } from '../../kernel/listening.js';
import type { RuntimeParts } from '../settings.js';
import type { Turn } from '../turn.js';
import { checkedSource } from './checked-source.js';
import { Ear } from './ear.js';
import { decorated, inCode, type Listener } from './listener.js';
import type { ListeningOwner } from './listening-owner.js';
import { Reactions } from './reactions.js';
import type { Sound } from './sound.js';
import { SourceRecords } from './source-records.js';

/** When it was not possible to write down what is listened to: how soon it is tried again. Milliseconds. */
const RECORD_AGAIN_MS = 500;
/** How often it is looked, at most, for what ended by its time: that is written down with whatever is stored next. Milliseconds. */
const LOOK_FOR_ENDS_MS = 1_000;
/** What a command began on a node that is gone is ended so long after its time: longer than clocks are apart. Milliseconds. */
const ORPHAN_MS = 24 * 3_600_000;

/**
 * What one activation listens to. Its stream says which sources those are, from where on, and how far each was heard; this opens an ear for each, and
 * writes down, in the commit of the command that made the state name another source, that listening to it began.
 */
export class ActorListening {
  readonly commands: ReadonlyMap<string, CommandDefinition>;
  readonly reactions: Reactions;
  readonly #owner: ListeningOwner;
  readonly #parts: RuntimeParts;
  readonly #records: SourceRecords;
  readonly #decorated = new Map<string, Listener>();
  /** Those set in code, by `hearingKey`, with the turn that set them last, and whether `onActivate` sets them in every activation. */
  readonly #inCode = new Map<string, { listener: Listener; turn: Turn; isSetAgain: boolean }>();
  readonly #ears = new Map<string, Ear>();
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
    this.#records = new SourceRecords(owner, parts.engine);
    this.reactions = new Reactions(owner, (name, source) => this.#listener(name, source), parts);
    this.commands = new Map([...this.reactions.commands, ...this.#records.commands]);
  }

  stop(): void {
    this.#stopped = true;
    this.#parts.environment.clearTimeout(this.#timer);
    this.#stopLooking?.();
    for (const ear of this.#ears.values()) ear.stop();
  }

  /** Its activation must stay: a reaction is under way, or waits to be tried again; or a command gave it what hears, which would be gone. */
  get pinned(): boolean {
    if (this.#recording) return true;
    for (const ear of this.#ears.values()) if (ear.busy) return true;
    if (this.#stopped || this.#owner.leads === false) return false;
    for (const [key, { isSetAgain }] of this.#inCode) {
      const ear = isSetAgain ? undefined : this.#ears.get(key);
      if (ear && !ear.isOver) return true;
    }
    return false;
  }

  /** Whether something that was said, or what it listens to, is not written down yet. */
  get behind(): boolean {
    return this.#recording || [...this.#ears.values()].some((ear) => ear.behind);
  }

  /** Whether something was set in code that hears this. */
  isSet(key: string): boolean {
    return this.#inCode.has(key);
  }

  /** Everything it listens to itself, and how far it has heard. */
  *listeningTo(): Generator<HeardSource & { readonly events: ReadonlySet<string> | undefined }> {
    for (const heard of this.#owner.hearing.sources.values()) {
      const listener = this.#listener(heard.listener, heard.source);
      if (heard.sinceMs === undefined || !listener || this.reactions.isOver(listener, heard.source)) continue;
      const ear = this.#ears.get(hearingKey(heard.listener, heard.source));
      if (ear?.isOver) continue;
      // What came to nothing is not written down, and need not be heard again.
      yield { ...heard, at: Math.max(heard.at, ear?.heardTo ?? 0), events: listener.events };
    }
  }

  /** A command has run: what its end brings with it. */
  readonly completing = (turn: Turn): Promise<void> | undefined => this.#records.completing(turn, this.#overInCode());

  /** The actor is loaded, or what is stored may have changed. */
  look(): void {
    if (!this.#owner.loaded || this.#stopped) return;
    const { hearing } = this.#owner;
    if (hearing.revision !== this.#seenRevision) {
      this.#seenRevision = hearing.revision;
      this.#openAndClose();
    }
    this.#stopLooking ??= this.#owner.onLeaderGone(() => {
      this.#isUnled = true;
      this.look();
    });
    if (this.#isUnled || (this.#owner.leads === false && this.#owner.mayRecord)) this.#callLeader();
    // Another class on the stream may have changed the state. Of an actor that has no event nothing is written down: it is only looked at.
    if (
      !this.#recording &&
      this.#owner.version > 0 &&
      this.#owner.settled &&
      this.#owner.mayRecord &&
      this.#areBehind()
    )
      this.#record();
  }

  /** What is listened to in code only who leads knows: somebody has to lead for that to be heard. */
  #callLeader(): void {
    if (this.#recording) return;
    const sources = this.#owner.leads === undefined ? [] : [...this.#owner.hearing.sources.values()];
    const isInCode = sources.some(({ listener, source }) => {
      return listener.startsWith(IN_CODE) && !this.#listener(listener, source);
    });
    if (isInCode) this.#record();
    else this.#isUnled = false;
  }

  #areBehind(): boolean {
    try {
      return this.#records.areBehind();
    } catch (error) {
      this.#parts.log.error(`${this.#owner.label}: what its state listens to could not be worked out`, error);
      return false;
    }
  }

  /** Another one's event concerns this actor. */
  react(sound: Sound): Promise<unknown> {
    return this.reactions.react(sound);
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
    const wasLate = before !== undefined && this.reactions.isLate(before.listener, streamId, nowMs);
    if (before && !isAgain && (before.turn === turn || (this.#hasBegun(name, streamId) && !wasLate))) {
      throw new OmniscientError(
        'ALREADY_LISTENING',
        `${this.#owner.label}: '${name}' listens to that already: stop it first, or give this one another name with listenTo(…, { name })`,
      );
    }
    this.#inCode.set(key, { listener, turn, isSetAgain: isActivating || before?.isSetAgain === true });
    // What ended stays so for the next activation's `onActivate`; a command may begin it anew.
    const isLate = wasLate || this.reactions.isLate(listener, streamId, nowMs);
    const isOver = isLate || this.reactions.isOver(listener, streamId);
    const { from, count, forMs } = options;
    if (!isActivating || !isOver) this.#records.begin(turn, name, { source: streamId, from, count, forMs }, isOver);
    this.#seenRevision = -1;
    // It may be written down already, by an activation before this one.
    this.#parts.environment.queueMicrotask(() => this.look());
    return { stop: () => this.#end(name, streamId) };
  }

  /** Whether it listens to it from code, or will from the first event on. */
  #hasBegun(name: string, source: string): boolean {
    return this.#ears.has(hearingKey(name, source)) || this.#records.isDeferred(name, source);
  }

  #listener(name: string, source: string): Listener | undefined {
    return this.#decorated.get(name) ?? this.#inCode.get(hearingKey(name, source))?.listener;
  }

  #openAndClose(): void {
    const { hearing } = this.#owner;
    for (const [key, ear] of this.#ears) {
      const heard = hearing.sources.get(key);
      if (heard?.sinceMs === ear.sinceMs) continue;
      ear.stop();
      this.#ears.delete(key);
      this.#forget(key);
    }
    for (const [key, heard] of hearing.sources) {
      const listener = this.#listener(heard.listener, heard.source);
      if (heard.sinceMs === undefined || !listener || this.#ears.has(key)) continue;
      if (this.reactions.isOver(listener, heard.source)) continue;
      const ear = new Ear({ owner: this.#owner, parts: this.#parts, reactions: this.reactions }, listener, heard);
      this.#ears.set(key, ear);
      ear.start();
    }
  }

  /** What a command set is of no use once it has ended; `onActivate` would set its own again. */
  #forget(key: string): void {
    if (!this.#owner.hearing.ended.has(key)) return;
    this.reactions.forget(key);
    if (!this.#inCode.get(key)?.isSetAgain) this.#inCode.delete(key);
  }

  /** What code listens to and has heard to its end, though what is stored does not say so yet. */
  #overInCode(): HeardSource[] {
    const nowMs = this.#parts.environment.monotonicMs();
    if (this.#owner.firedInTurn() === 0 || nowMs < this.#lookedForEndsMs + LOOK_FOR_ENDS_MS) return [];
    this.#lookedForEndsMs = nowMs;
    const orphanedMs = this.#parts.clock.now() - ORPHAN_MS;
    return [...this.#owner.hearing.sources].flatMap(([key, heard]) => {
      if (!heard.listener.startsWith(IN_CODE) || heard.sinceMs === undefined) return [];
      const ear = this.#ears.get(key);
      if (ear || this.#inCode.has(key)) return ear?.isOver ? heard : [];
      return heard.sinceMs + (heard.limits?.forMs ?? Number.POSITIVE_INFINITY) <= orphanedMs ? heard : [];
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
    if (this.#owner.inTurn) {
      this.#records.fireEnd(listener, source);
      return;
    }
    const key = hearingKey(listener, source);
    this.#ears.get(key)?.stop();
    this.#records.end(listener, source).catch((error: unknown) => {
      if (!this.#stopped)
        this.#parts.log.warn(`${this.#owner.label}: could not write down that '${listener}' ended`, error);
    });
  }
}
