import type {
  ActorContext,
  ListenHandler,
  Listening,
  ListenSource,
  ListenToOptions,
} from '../../kernel/declaring/index.js';
import { payloadText } from '../../kernel/defining/index.js';
import type { ActorState, OptimisticState } from '../../kernel/folding/index.js';
import {
  ANSWERED_EVENT,
  type FrameworkState,
  type HeardNote,
  heardText,
  type OnceData,
  PARTLY_EVENT,
  TICK_EVENT,
  type TickOptions,
} from '../../kernel/framework/index.js';
import { copyOfData, unwrap } from '../../kernel/state/index.js';
import { assertEventName, assertJson, TurnError, whenThere } from '../../kernel/values/index.js';
import { type Commit, NestedCalls } from '../commit/index.js';
import { derivedId, MetadataWriter } from '../events/index.js';
import type { RuntimeParts } from '../parts/index.js';
import { isOnce, REACTIONS } from './command-names.js';
import { assertSameCommand, isSameAnswer } from './once.js';
import { assertInTurn, type Turn } from './turn.js';
import type { TurnLoop } from './turn-loop.js';

/** What an actor can do to itself. All of it works only in the running turn. */
export class TurnContext implements ActorContext {
  readonly #owner: ContextOwner;
  /** It is made with the first event. Most activations are only read. */
  #metadata: MetadataWriter | undefined;

  constructor(owner: ContextOwner) {
    this.#owner = owner;
  }

  get id(): string {
    return this.#owner.id;
  }

  get state(): object {
    return this.#owner.actorState.tree.view;
  }

  replaceState(state: object): void {
    this.#owner.actorState.tree.replace(state);
  }

  fire(name: string, data: unknown): void {
    const turn = this.#turn(`fire('${String(name)}')`);
    assertEventName(name);
    if (name === TICK_EVENT && this.#owner.ticks) {
      throw new TurnError(`${this.#owner.label}: '${TICK_EVENT}' events are fired by ticking only: use startTicking()`);
    }
    this.#apply(turn, name, payloadText(this.#owner.actorState.definition, name, data));
  }

  commit(): Promise<void> {
    const turn = this.#turn('commit()');
    if (REACTIONS.has(turn.request.name) || isOnce(turn.request.name)) {
      throw new TurnError(
        `${this.#owner.label}: commit() cannot be used in a reaction, nor with an idempotency key: their events must be stored in one commit, once`,
      );
    }
    if (turn.request.recorded && !turn.request.partlyCommitted) this.fireFramework(PARTLY_EVENT, {});
    return this.#owner.loop.commitPart(turn);
  }

  startTicking(options: TickOptions): void {
    this.#turn('startTicking()');
    this.#owner.ticks?.start(options);
  }

  listenTo(source: ListenSource, handler: ListenHandler, options: ListenToOptions): Listening {
    const turn = this.#turn('listenTo()');
    turn.mustComplete = true;
    return this.#owner.listen().listenTo(turn, source, handler, options);
  }

  stopTicking(): void {
    this.#turn('stopTicking()');
    this.#owner.ticks?.stop();
  }

  /**
   * Runs a command unless it was run with this key before; then returns the earlier answer. @throws OmniscientError
   * (`KEY_REUSED`).
   */
  once(key: string, command: string, run: () => unknown): unknown {
    const { request } = this.#turn('a command with an idempotency key');
    const { framework, label, actorName: actor } = this.#owner;
    const present = () => framework.once.get(key) ?? this.#pendingAnswer(key);
    const known = present();
    request.keepContext();
    // If the command runs again because no answer is stored, its calls to other actors get the same ids again.
    request.nestedCalls ??= new NestedCalls(derivedId('once', actor, this.#owner.id, key, command));
    // Another node may store the same key first. And an answer that is not stored yet may be lost, or replaced by
    // another node's.
    request.isStale = known ? () => !isSameAnswer(known, present()) : () => framework.once.get(key) !== undefined;
    if (known) {
      assertSameCommand(label, key, command, known);
      return copyOfData(known.answer);
    }
    const finish = (answer: unknown): unknown => {
      const plain = unwrap(answer);
      if (plain !== undefined) assertJson(plain, `the answer of '${request.name}'`);
      this.fireFramework(ANSWERED_EVENT, { actor, key, command, answer: plain } satisfies OnceData);
      return plain;
    };
    return whenThere(run(), finish);
  }

  #pendingAnswer(key: string): OnceData | undefined {
    const event = this.#owner.optimistic.findPending(({ name, data }) => {
      return name === ANSWERED_EVENT && (JSON.parse(data) as OnceData).key === key;
    });
    return event && (JSON.parse(event.data) as OnceData);
  }

  /**
   * Adds a note to the metadata of this turn's next event: how far a listener has heard. `undefined` removes it again.
   */
  noteHeard(note: HeardNote | undefined): void {
    this.#turn('a note').heard = note ? heardText(note) : '';
  }

  /** Fires one of the framework's own events. Its recorded time is never before `notBeforeMs`. */
  fireFramework(name: string, data: object, notBeforeMs?: number): void {
    this.#apply(this.#turn(name), name, JSON.stringify(data), notBeforeMs);
  }

  /** Stores the answer with the turn's events, if it may be needed later. */
  recordAnswer(answer: unknown, isLost = false): void {
    const { request } = this.#turn('an answer');
    const fired = this.#owner.optimistic.openTurn.events.length;
    if (!request.partlyCommitted && (answer === undefined || fired === 0)) return;
    this.fireFramework(ANSWERED_EVENT, isLost ? { isLost } : { answer });
  }

  #turn(doing: string): Turn {
    return assertInTurn(this.#owner.loop.running, doing, this.#owner.label);
  }

  #apply(turn: Turn, name: string, data: string, notBeforeMs?: number): void {
    const { parts, optimistic } = this.#owner;
    const id = parts.ids.next();
    const metadata = this.#metadataWriter().write(turn.request.cause, notBeforeMs, turn.heard);
    turn.heard = '';
    try {
      optimistic.fire({ id, name, data, metadata });
    } catch (error) {
      // The command fails even if its method catches this error, because the event is not in the state.
      turn.failure ??= error;
      throw error;
    }
  }

  #metadataWriter(): MetadataWriter {
    const { parts, actorName } = this.#owner;
    this.#metadata ??= new MetadataWriter(parts.clock, actorName, parts.nodeId, parts.ids.next());
    return this.#metadata;
  }
}

/** The actor's listening role. */
interface ListeningInTurn {
  listenTo(turn: Turn, source: ListenSource, handler: ListenHandler, options: ListenToOptions): Listening;
}

/** What the context needs of its activation. */
export interface ContextOwner {
  readonly label: string;
  readonly id: string;
  readonly actorName: string;
  readonly parts: RuntimeParts;
  readonly actorState: ActorState;
  readonly optimistic: OptimisticState<Commit>;
  readonly loop: TurnLoop;
  readonly ticks: { start(options: TickOptions): void; stop(): void } | undefined;
  readonly framework: FrameworkState;
  listen(): ListeningInTurn;
}
