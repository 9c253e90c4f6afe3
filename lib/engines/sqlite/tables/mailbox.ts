import type { Unwatch } from '../../../engine/duties/follow.js';
import { MESSAGE_KEPT_MS, type NodeMessage } from '../../../engine/duties/messages.js';
import { type Environment, type Timer, turnOfTheLoop } from '../../../engine/environment/environment.js';
import { EngineError } from '../../../kernel/values/errors.js';
import type { Statements } from './statements.js';
import type { Tail } from './tail.js';

/** Messages between nodes, in a table: what is sent in one turn of the event loop goes in one transaction. */
export class Mailbox {
  readonly #statements: Statements;
  readonly #tail: Tail;
  readonly #write: (work: () => void) => Promise<void>;
  readonly #environment: Environment;
  readonly #boxes = new Set<Box>();
  #queue: Waiting[] = [];
  #queued = 0;
  #sending = false;
  #lookScheduled = false;
  #oldDeletedAtMs = 0;

  /** @param write runs this in a transaction that need not survive a power cut, and rings the bell. */
  constructor(
    statements: Statements,
    tail: Tail,
    write: (work: () => void) => Promise<void>,
    environment: Environment,
  ) {
    this.#statements = statements;
    this.#tail = tail;
    this.#write = write;
    this.#environment = environment;
  }

  send(messages: readonly NodeMessage[]): Promise<void> {
    if (messages.length === 0) return Promise.resolve();
    if (this.#queued >= QUEUE_MAX) {
      const message = `${QUEUE_MAX} messages already wait to be written: try again later`;
      return Promise.reject(new EngineError('ENGINE_OVERLOADED', message, { retryable: true }));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ messages, resolve, reject });
      this.#queued += messages.length;
      this.#schedule();
    });
  }

  receive(nodeId: string, deliver: (texts: readonly string[]) => void): Unwatch {
    const box: Box = { nodeId, deliver, last: this.#statements.lastMessage.get() as number, tidyTimer: undefined };
    this.#boxes.add(box);
    const unlisten = this.#tail.listen(() => this.#look());
    return () => {
      if (!this.#boxes.delete(box)) return;
      this.#environment.clearTimeout(box.tidyTimer);
      unlisten();
    };
  }

  close(): void {
    for (const { tidyTimer } of this.#boxes) this.#environment.clearTimeout(tidyTimer);
    this.#boxes.clear();
  }

  #schedule(): void {
    if (this.#sending) return;
    this.#sending = true;
    this.#environment.setImmediate(() => void this.#sendAll());
  }

  async #sendAll(): Promise<void> {
    const batch = this.#nextBatch();
    try {
      await this.#write(() => this.#insert(batch));
      for (const { resolve } of batch) resolve();
      this.#look();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    this.#sending = false;
    if (this.#queue.length > 0) this.#schedule();
  }

  /** What fits, but at least what one call sends. */
  #nextBatch(): Waiting[] {
    let count = 0;
    let size = 0;
    for (const { messages } of this.#queue) {
      if (count > 0 && size + messages.length > MESSAGES_AT_ONCE_MAX) break;
      size += messages.length;
      count += 1;
    }
    this.#queued -= size;
    return this.#queue.splice(0, count);
  }

  #insert(batch: readonly Waiting[]): void {
    const nowMs = this.#environment.now();
    for (const { messages } of batch) {
      for (const { to, text } of messages) this.#statements.addMessage.run(to, text, nowMs);
    }
    // Those nobody came for.
    if (nowMs - this.#oldDeletedAtMs < MESSAGE_KEPT_MS / 2) return;
    const { changes } = this.#statements.deleteOldMessages.run(nowMs - MESSAGE_KEPT_MS, MESSAGES_AT_ONCE_MAX);
    // The rest goes with what is sent next.
    if (changes < MESSAGES_AT_ONCE_MAX) this.#oldDeletedAtMs = nowMs;
  }

  /** Hands over what has come, also from this process. */
  #look(): void {
    for (const box of [...this.#boxes]) {
      const rows = this.#statements.messagesFor.all(box.nodeId, box.last, MESSAGES_AT_ONCE_MAX) as [number, string][];
      const last = rows.at(-1);
      if (!last) continue;
      box.last = last[0];
      this.#tidyLater(box);
      if (rows.length === MESSAGES_AT_ONCE_MAX) this.#lookAgain();
      box.deliver(rows.map(([, text]) => text));
    }
  }

  /** In the next turn of the event loop, at what did not fit. */
  #lookAgain(): void {
    if (this.#lookScheduled) return;
    this.#lookScheduled = true;
    this.#environment.setImmediate(() => {
      this.#lookScheduled = false;
      try {
        this.#look();
      } catch {
        // It is still there: nobody else may come and make it look.
        this.#environment.setTimeout(() => this.#lookAgain(), LOOK_AGAIN_MS).unref();
      }
    });
  }

  #tidyLater(box: Box): void {
    if (box.tidyTimer) return;
    box.tidyTimer = this.#environment.setTimeout(() => {
      box.tidyTimer = undefined;
      this.#tidy(box).catch(() => {
        // They are deleted with the next ones, or for being old.
      });
    }, TIDY_MS);
    box.tidyTimer.unref();
  }

  async #tidy({ nodeId, last }: Box): Promise<void> {
    let deleted: number;
    do {
      deleted = 0;
      await this.#write(() => {
        deleted = this.#statements.deleteMessages.run(nodeId, last, MESSAGES_AT_ONCE_MAX).changes;
      });
      await turnOfTheLoop(this.#environment);
    } while (deleted === MESSAGES_AT_ONCE_MAX && this.#boxes.size > 0);
  }
}

/** How long delivered messages stay in the file before they are deleted together. Milliseconds. */
const TIDY_MS = 1_000;
/** Most messages that are written, handed over or deleted in one go: others have their turn in between. */
const MESSAGES_AT_ONCE_MAX = 1_000;
/** Most messages that may wait to be written. */
const QUEUE_MAX = 100_000;

interface Waiting {
  readonly messages: readonly NodeMessage[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** When it was not possible to look at what did not fit: how soon it is tried again. Milliseconds. */
const LOOK_AGAIN_MS = 50;

interface Box {
  readonly nodeId: string;
  readonly deliver: (texts: readonly string[]) => void;
  /** Id of the last message that was handed over. */
  last: number;
  tidyTimer: Timer | undefined;
}
