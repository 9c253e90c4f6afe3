import type { Environment, Timer } from '../../engine/environment.js';
import type { Unwatch } from '../../engine/follow.js';
import { MESSAGE_KEPT_MS, type NodeMessage } from '../../engine/messages.js';
import { EngineError } from '../../kernel/errors.js';
import type { Statements } from './statements.js';
import type { Tail } from './tail.js';

/** How long delivered messages stay in the file before they are deleted together. Milliseconds. */
const TIDY_MS = 1_000;
/** Most messages taken from the file at once. */
const TAKE_MAX = 1_000;
/** Most messages that may wait to be written. */
const QUEUE_MAX = 100_000;

interface Waiting {
  readonly messages: readonly NodeMessage[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Box {
  readonly nodeId: string;
  readonly deliver: (texts: readonly string[]) => void;
  /** Id of the last message that was handed over. */
  last: number;
  tidyTimer: Timer | undefined;
}

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
    const batch = this.#queue;
    this.#queue = [];
    this.#queued = 0;
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

  #insert(batch: readonly Waiting[]): void {
    const nowMs = this.#environment.now();
    for (const { messages } of batch) {
      for (const { to, text } of messages) this.#statements.addMessage.run(to, text, nowMs);
    }
    // Those nobody came for.
    if (nowMs - this.#oldDeletedAtMs < MESSAGE_KEPT_MS / 2) return;
    this.#oldDeletedAtMs = nowMs;
    this.#statements.deleteOldMessages.run(nowMs - MESSAGE_KEPT_MS);
  }

  /** Hands over what has come, also from this process. */
  #look(): void {
    for (const box of [...this.#boxes]) {
      for (;;) {
        const rows = this.#statements.messagesFor.all(box.nodeId, box.last, TAKE_MAX) as [number, string][];
        const last = rows.at(-1);
        if (!last) break;
        box.last = last[0];
        this.#tidyLater(box);
        box.deliver(rows.map(([, text]) => text));
      }
    }
  }

  #tidyLater(box: Box): void {
    if (box.tidyTimer) return;
    box.tidyTimer = this.#environment.setTimeout(() => {
      box.tidyTimer = undefined;
      this.#write(() => this.#statements.deleteMessages.run(box.nodeId, box.last)).catch(() => {
        // They are deleted with the next ones, or for being old.
      });
    }, TIDY_MS);
    box.tidyTimer.unref();
  }
}
