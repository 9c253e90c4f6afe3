import type { ActorContext } from '../../kernel/declaring/actor.js';
import type { ListenHandler, Listening, ListenSource, ListenToOptions } from '../../kernel/declaring/listening.js';
import { payloadText } from '../../kernel/defining/schemas.js';
import type { ActorState } from '../../kernel/folding/actor-state.js';
import type { OptimisticState } from '../../kernel/folding/optimistic-state.js';
import {
  ANSWERED_EVENT,
  type FrameworkState,
  PARTLY_EVENT,
  TICK_EVENT,
  type TickOptions,
} from '../../kernel/framework/framework-events.js';
import { type HeardNote, heardText } from '../../kernel/framework/heard-note.js';
import type { OnceData } from '../../kernel/framework/once-answers.js';
import { copyOfData } from '../../kernel/state/data-copy.js';
import { unwrap } from '../../kernel/state/state-tree.js';
import { TurnError } from '../../kernel/values/errors.js';
import { assertEventName } from '../../kernel/values/ids.js';
import { assertJson } from '../../kernel/values/plain-data.js';
import { whenThere } from '../../kernel/values/thenable.js';
import type { Commit } from '../commit/commit.js';
import { NestedCalls } from '../commit/nested-calls.js';
import { derivedId } from '../events/derived-ids.js';
import { MetadataWriter } from '../events/event-codec.js';
import type { RuntimeParts } from '../parts/settings.js';
import { isOnce, REACTIONS } from './command-names.js';
import { assertSameCommand, isSameAnswer } from './once.js';
import { assertInTurn, type Turn } from './turn.js';
import type { TurnLoop } from './turn-loop.js';

/** What an actor can do to itself, each only in the turn that runs. */
export class TurnContext implements ActorContext {
  readonly #owner: ContextOwner;
  /** Made with the first event: most activations are only looked at. */
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
      throw new TurnError(`${this.#owner.label}: '${TICK_EVENT}' is fired by time itself: use startTicking()`);
    }
    this.#apply(turn, name, payloadText(this.#owner.actorState.definition, name, data));
  }

  commit(): Promise<void> {
    const turn = this.#turn('commit()');
    if (REACTIONS.has(turn.request.name) || isOnce(turn.request.name)) {
      throw new TurnError(
        `${this.#owner.label}: commit() goes with no reaction and no idempotency key: what those fire is stored in one piece, once`,
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

  /** Runs it unless it was run with this key before; gives the answer that was given then. @throws OmniscientError (`KEY_REUSED`). */
  once(key: string, command: string, run: () => unknown): unknown {
    const { request } = this.#turn('a command with an idempotency key');
    const { framework, label, actorName: actor } = this.#owner;
    const present = () => framework.once.get(key) ?? this.#pendingAnswer(key);
    const known = present();
    request.keepContext();
    // Whoever gives it again, and gets no answer from what is stored, asks the same of others again.
    request.nestedCalls ??= new NestedCalls(derivedId('once', actor, this.#owner.id, key, command));
    // Another node may be first with the same key; and an answer that was not stored yet may be lost, also to another node's.
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

  /** The next event of this turn says in its metadata up to where something was heard; `undefined` takes that back. */
  noteHeard(note: HeardNote | undefined): void {
    this.#turn('a note').heard = note ? heardText(note) : '';
  }

  /** Fires one of the framework's own events; its time is never before `notBeforeMs`. */
  fireFramework(name: string, data: object, notBeforeMs?: number): void {
    this.#apply(this.#turn(name), name, JSON.stringify(data), notBeforeMs);
  }

  /** The answer is stored with what the turn has fired, if there is something to tell later. */
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
      // The command fails even if its method catches this: the event is not in the state.
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

/** What listens for the actor. */
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
