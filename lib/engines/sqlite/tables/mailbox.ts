import { MESSAGE_KEPT_MS, type NodeMessage, type Unwatch } from '../../../engine/duties/index.js';
import { type Environment, type Timer, turnOfTheLoop } from '../../../engine/environment/index.js';
import { EngineError } from '../../../kernel/values/index.js';
import type { Statements } from './statements.js';
import type { Tail } from './tail.js';

/** Messages between nodes, in a table. Those sent in one turn of the event loop go in one transaction. */
export class Mailbox {
  readonly #statements: Statements;
  readonly #tail: Tail;
  readonly #write: (work: () => void) => Promise<void>;
  readonly #environment: Environment;
  readonly #receivers = new Set<Receiver>();
  #queue: Waiting[] = [];
  #queued = 0;
  #sending = false;
  #lookScheduled = false;
  #oldDeletedAtMs = 0;

  /** @param write runs a transaction that need not survive a power cut, and gives the commit signal. */
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
      const message = `${QUEUE_MAX} messages already wait to be written, so these are refused: try again later`;
      return Promise.reject(new EngineError('ENGINE_OVERLOADED', message, { retryable: true }));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ messages, resolve, reject });
      this.#queued += messages.length;
      this.#schedule();
    });
  }

  receive(nodeId: string, deliver: (texts: readonly string[]) => void): Unwatch {
    const receiver: Receiver = {
      nodeId,
      deliver,
      last: this.#statements.lastMessage.get() as number,
      tidyTimer: undefined,
    };
    this.#receivers.add(receiver);
    const unlisten = this.#tail.listen(() => this.#look());
    return () => {
      if (!this.#receivers.delete(receiver)) return;
      this.#environment.clearTimeout(receiver.tidyTimer);
      unlisten();
    };
  }

  close(): void {
    for (const { tidyTimer } of this.#receivers) this.#environment.clearTimeout(tidyTimer);
    this.#receivers.clear();
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

  /** Takes what fits into a batch, but at least what one call sends. */
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
    // Deletes messages that no node came for.
    if (nowMs - this.#oldDeletedAtMs < MESSAGE_KEPT_MS / 2) return;
    const { changes } = this.#statements.deleteOldMessages.run(nowMs - MESSAGE_KEPT_MS, MESSAGES_AT_ONCE_MAX);
    // The rest is deleted with the next messages.
    if (changes < MESSAGES_AT_ONCE_MAX) this.#oldDeletedAtMs = nowMs;
  }

  /** Hands over what has arrived, also from this process. */
  #look(): void {
    for (const receiver of [...this.#receivers]) {
      const rows = this.#statements.messagesFor.all(receiver.nodeId, receiver.last, MESSAGES_AT_ONCE_MAX) as [
        number,
        string,
      ][];
      const last = rows.at(-1);
      if (!last) continue;
      receiver.last = last[0];
      this.#tidyLater(receiver);
      if (rows.length === MESSAGES_AT_ONCE_MAX) this.#lookAgain();
      receiver.deliver(rows.map(([, text]) => text));
    }
  }

  /** Hands over what did not fit, in the next turn of the event loop. */
  #lookAgain(): void {
    if (this.#lookScheduled) return;
    this.#lookScheduled = true;
    this.#environment.setImmediate(() => {
      this.#lookScheduled = false;
      try {
        this.#look();
      } catch {
        // The messages are still there, and perhaps nobody else causes another look.
        this.#environment.setTimeout(() => this.#lookAgain(), LOOK_AGAIN_MS).unref();
      }
    });
  }

  #tidyLater(receiver: Receiver): void {
    if (receiver.tidyTimer) return;
    receiver.tidyTimer = this.#environment.setTimeout(() => {
      receiver.tidyTimer = undefined;
      this.#tidy(receiver).catch(() => {
        // They are deleted with the next ones, or for their age.
      });
    }, TIDY_MS);
    receiver.tidyTimer.unref();
  }

  async #tidy({ nodeId, last }: Receiver): Promise<void> {
    let deleted: number;
    do {
      deleted = 0;
      await this.#write(() => {
        deleted = this.#statements.deleteMessages.run(nodeId, last, MESSAGES_AT_ONCE_MAX).changes;
      });
      await turnOfTheLoop(this.#environment);
    } while (deleted === MESSAGES_AT_ONCE_MAX && this.#receivers.size > 0);
  }
}

/** How long delivered messages stay in the file, to be deleted together. Milliseconds. */
const TIDY_MS = 1_000;
/** Most messages that are written, handed over or deleted at once. Other work has its turn in between. */
const MESSAGES_AT_ONCE_MAX = 1_000;
/** Most messages that may wait to be written. */
const QUEUE_MAX = 100_000;

interface Waiting {
  readonly messages: readonly NodeMessage[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** How soon it looks again after an attempt has failed. Milliseconds. */
const LOOK_AGAIN_MS = 50;

interface Receiver {
  readonly nodeId: string;
  readonly deliver: (texts: readonly string[]) => void;
  /** The id of the last message that was handed over. */
  last: number;
  tidyTimer: Timer | undefined;
}
