import type { CommandDefinition, CommandMethod } from '../../kernel/defining/index.js';
import { unwrap } from '../../kernel/state/index.js';
import { findRefusal, type NewEvent, whenThere } from '../../kernel/values/index.js';
import { derivedIdIn, isDerivedId } from '../events/index.js';
import type { RuntimeParts } from '../parts/index.js';
import { currentTurn, isOnce, REACTIONS, type Turn } from '../turn/index.js';
import { answerIn, eventsOf } from './answers.js';

/**
 * Commands of one actor that are given again under the same id, because the command that called them ran again: after a
 * conflict, on another leader, or as another node's reaction to the same event. A command that is stored, or about to
 * be, does not run again; it is answered from its events. One that failed, or stored nothing, runs. When two nodes run
 * one at the same time, the version decides, and the other discards its own.
 */
export class RepeatedCommands {
  readonly #owner: RepeatsOwner;
  readonly #stored = new Map<string, Place>();
  #reading: Promise<void> | undefined;
  #isRead = false;

  constructor(owner: RepeatsOwner) {
    this.#owner = owner;
  }

  /** Wraps a command's method so that it takes effect once under this id. */
  recognising({ name, method }: CommandDefinition, commandId: string): CommandMethod {
    const run = (whole: () => unknown) => this.#run(name, commandId, whole);
    const read = () => (this.#isRead ? undefined : this.#read());
    return function (...args) {
      const whole = () => method.apply(this, args as unknown[]);
      return read()?.then(() => run(whole)) ?? run(whole);
    };
  }

  /**
   * Records stored events, ours or others'. Returns whether one of them belongs to a command that also ran here and is
   * about to be stored.
   */
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
    // It may fail because of the other one's changes.
    running.mustRunAgain = !running.request.partlyCommitted;
    return true;
  }

  #run(name: string, commandId: string, whole: () => unknown): unknown {
    const { request } = currentTurn() as Turn;
    const isKnown = () => this.#stored.has(commandId) || this.#isPending(commandId);
    if (isKnown()) {
      // The pending one may fail; then this one has to run.
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
    // Between actors of one node an answer may be anything. An answer that cannot be stored cannot be repeated.
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

  /** Reads the last events once, before the first such command. Later events arrive as they are stored. */
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

  /** Records an event's command, and returns its id if that is a derived one. */
  #note({ metadata }: NewEvent, place: Place): string | undefined {
    const commandId = derivedIdIn(metadata);
    if (commandId === undefined || this.#stored.has(commandId)) return commandId;
    this.#stored.set(commandId, place);
    const [oldest] = this.#stored.keys();
    if (oldest !== undefined && this.#stored.size > REMEMBERED_MAX) this.#stored.delete(oldest);
    return commandId;
  }
}

/**
 * How many of an actor's last events are searched for repeated commands, and how many nested commands are remembered as
 * stored. The latest count.
 */
const REMEMBERED_MAX = 1_000;

/** What it needs of its activation. */
export interface RepeatsOwner {
  readonly label: string;
  readonly streamId: string;
  /** Version of the last stored event that is in the state. */
  readonly version: number;
  readonly parts: Pick<RuntimeParts, 'engine' | 'environment'>;
  /** Whether the leader records answers. */
  readonly isLed: boolean;
  /** The running turn. */
  readonly running: Turn | undefined;
  /** The events that are applied and not yet stored. */
  unstored(): Iterable<NewEvent>;
  /** The newest event of a finished command that is not stored yet and for which this returns true. */
  findPending(holds: (event: NewEvent) => boolean): NewEvent | undefined;
  /** Stores the answer with the running turn's events, if it may be needed later. */
  recordAnswer(answer: unknown, isLost: boolean): void;
}

/**
 * Whether a command may be given again under the same id, by a caller that does not know that it ran. A reaction sees
 * by itself how far its source was heard, and a command with an idempotency key knows its key.
 */
export function isRepeatable(command: string, commandId: string): boolean {
  return isDerivedId(commandId) && !REACTIONS.has(command) && !isOnce(command);
}

/** Where a nested command is stored. */
interface Place {
  readonly version: number;
  /** Whether another activation stored it. */
  readonly isOthers: boolean;
}
