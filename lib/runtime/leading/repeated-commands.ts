import type { CommandDefinition, CommandMethod } from '../../kernel/defining/actor-definition.js';
import { unwrap } from '../../kernel/state/state-tree.js';
import type { NewEvent } from '../../kernel/values/event.js';
import { findRefusal } from '../../kernel/values/plain-data.js';
import { whenThere } from '../../kernel/values/thenable.js';
import { derivedIdIn, isDerivedId } from '../events/derived-ids.js';
import type { RuntimeParts } from '../parts/settings.js';
import { isOnce, REACTIONS } from '../turn/command-names.js';
import { currentTurn, type Turn } from '../turn/turn.js';
import { answerIn, eventsOf } from './answers.js';

/**
 * Commands of one actor that come again under the same id: because the command that gave them was run again, after a conflict, on another leader, as
 * another node's reaction to the same event. One that is stored, or about to be, is not run; it is answered from what is stored. One that failed, or stored nothing, is
 * run. When two nodes run it at once, the version decides, and the other gives its own up.
 */
export class RepeatedCommands {
  readonly #owner: RepeatsOwner;
  readonly #stored = new Map<string, Place>();
  #reading: Promise<void> | undefined;
  #isRead = false;

  constructor(owner: RepeatsOwner) {
    this.#owner = owner;
  }

  /** The command's method, which has effect once under this id. */
  recognising({ name, method }: CommandDefinition, commandId: string): CommandMethod {
    const run = (whole: () => unknown) => this.#run(name, commandId, whole);
    const read = () => (this.#isRead ? undefined : this.#read());
    return function (...args) {
      const whole = () => method.apply(this, args as unknown[]);
      return read()?.then(() => run(whole)) ?? run(whole);
    };
  }

  /** These are stored now, ours or another activation's. Returns whether one of them is of a command that was run here too, and is about to be stored. */
  confirmed(events: readonly NewEvent[]): boolean {
    let isOvertaken = false;
    let version = this.#owner.version - events.length;
    for (const event of events) {
      version += 1;
      const isOthers = 'version' in event;
      const commandId = this.#note(
        event,
        isOthers ? { version: event.version as number, isOthers } : { version, isOthers },
      );
      if (isOthers && commandId !== undefined) isOvertaken = this.#isRunningOrPending(commandId) || isOvertaken;
    }
    return isOvertaken;
  }

  #isRunningOrPending(commandId: string): boolean {
    const { running } = this.#owner;
    if (running?.request.cause.commandId !== commandId) return this.#isPending(commandId);
    // It may fail by what the other has changed.
    running.mustRunAgain = !running.request.partlyCommitted;
    return true;
  }

  #run(name: string, commandId: string, whole: () => unknown): unknown {
    const { request } = currentTurn() as Turn;
    const isKnown = () => this.#stored.has(commandId) || this.#isPending(commandId);
    if (isKnown()) {
      // What is about to be stored may fail, and then this one has to run.
      request.isStale = () => !isKnown();
      return this.#answerOf(name, commandId);
    }
    request.isStale = () => this.#stored.get(commandId)?.isOthers ?? false;
    request.recorded = true;
    if (this.#owner.isLed) return whole();
    return whenThere(whole(), (answer) => this.#record(answer));
  }

  #record(answer: unknown): unknown {
    const plain = unwrap(answer);
    // Between actors of one node an answer may be anything; what cannot be stored cannot be given again.
    const isLost = plain !== undefined && findRefusal(plain) !== undefined;
    this.#owner.recordAnswer(plain, isLost);
    return plain;
  }

  #isPending(commandId: string): boolean {
    return this.#owner.findPending(({ metadata }) => metadata.includes(commandId)) !== undefined;
  }

  async #answerOf(command: string, commandId: string): Promise<unknown> {
    const pending = [...this.#owner.unstored()].filter(({ metadata }) => derivedIdIn(metadata) === commandId);
    const place = this.#stored.get(commandId);
    const { parts, label, streamId, version } = this.#owner;
    const stored = place ? await eventsOf(parts, { streamId, version }, { commandId, since: place.version - 1 }) : [];
    const outcome = answerIn(label, { command, commandId }, [...stored, ...pending]);
    if (outcome && 'error' in outcome) throw outcome.error;
    return outcome?.answer;
  }

  /** Once, before the first such command: later events come as they are stored. */
  #read(): Promise<void> {
    this.#reading ??= this.#readLast().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readLast(): Promise<void> {
    const { parts, streamId, version } = this.#owner;
    for (let after = Math.max(0, version - REMEMBERED_MAX); after < version; ) {
      const page = await parts.engine.readStream(streamId, after, REMEMBERED_MAX);
      for (const event of page) this.#note(event, { version: event.version, isOthers: true });
      const last = page.at(-1);
      if (!last) break;
      after = last.version;
    }
    this.#isRead = true;
  }

  /** Returns its command's id, if that is a derived one. */
  #note({ metadata }: NewEvent, place: Place): string | undefined {
    const commandId = derivedIdIn(metadata);
    if (commandId === undefined || this.#stored.has(commandId)) return commandId;
    this.#stored.set(commandId, place);
    const [oldest] = this.#stored.keys();
    if (oldest !== undefined && this.#stored.size > REMEMBERED_MAX) this.#stored.delete(oldest);
    return commandId;
  }
}

/** So many of an actor's last events are looked through for commands that come again; and of so many nested commands, the last, it is known that they are stored. */
const REMEMBERED_MAX = 1_000;

/** What it needs of its activation. */
export interface RepeatsOwner {
  readonly label: string;
  readonly streamId: string;
  /** Version of the last stored event that is in the state. */
  readonly version: number;
  readonly parts: Pick<RuntimeParts, 'engine' | 'environment'>;
  /** Whether answers are recorded by whoever leads. */
  readonly isLed: boolean;
  /** The turn that runs now. */
  readonly running: Turn | undefined;
  /** The events that are applied and not yet stored. */
  unstored(): Iterable<NewEvent>;
  /** The newest event of a finished command that is not stored yet for which this holds. */
  findPending(holds: (event: NewEvent) => boolean): NewEvent | undefined;
  /** Stores the answer with what the turn that runs has fired, if there is anything to answer from later. */
  recordAnswer(answer: unknown, isLost: boolean): void;
}

/**
 * Whether a command was given by another that may give it again, under the same id, without knowing that it did. A reaction sees itself how far its source
 * was heard, and a command with an idempotency key knows its key.
 */
export function isRepeatable(command: string, commandId: string): boolean {
  return isDerivedId(commandId) && !REACTIONS.has(command) && !isOnce(command);
}

/** Where a nested command is stored. */
interface Place {
  readonly version: number;
  /** By another activation. */
  readonly isOthers: boolean;
}
