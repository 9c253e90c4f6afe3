import { MESSAGE_KEPT_MS, type Unwatch } from '../../engine/duties/index.js';
import { backoffIn, detached, sleep, turnOfTheLoop } from '../../engine/environment/index.js';
import { EngineError } from '../../kernel/values/index.js';
import type { RuntimeParts } from '../parts/index.js';
import type { Membership } from './membership.js';

/**
 * Messages between nodes. Each is taken at most once, and only by the incarnation for which it was meant. Messages may
 * be lost. "At most once" holds without exception, because commands rely on it: a message that might be a duplicate
 * counts as lost.
 */
export class MessageTransport {
  readonly #parts: RuntimeParts;
  readonly #membership: Membership;
  readonly #receivers = new Map<string, Receiver>();
  /** By node and incarnation. */
  readonly #seen = new Map<string, Seen>();
  #queue: { to: string; text: string }[] = [];
  #sending = false;
  #count = 0;
  #closed = false;
  #hasWarned = false;
  #unwatch: Unwatch | undefined;

  constructor(parts: RuntimeParts, membership: Membership) {
    this.#parts = parts;
    this.#membership = membership;
    membership.onForgotten((nodeId) => this.#shorten(nodeId));
  }

  /** How much is remembered about received messages: the number of senders, and of message numbers. */
  get remembered(): { readonly senders: number; readonly numbers: number } {
    const seen = [...this.#seen.values()];
    return { senders: seen.length, numbers: seen.reduce((sum, { size }) => sum + size, 0) };
  }

  async open(): Promise<void> {
    this.#unwatch = await this.#parts.engine.receive(this.#parts.nodeId, (texts) => {
      detached(() => texts.forEach((text) => this.#take(text)));
    });
  }

  /** Sets the receiver for messages of this kind. It must not throw. */
  on(kind: string, receiver: Receiver): void {
    this.#receivers.set(kind, receiver);
  }

  /** @param incarnation the incarnation of that node for which it is meant; by default the one that is known. */
  send(to: string, kind: string, body: object, incarnation = this.#membership.incarnationOf(to)): void {
    if (this.#closed || this.#queue.length >= QUEUE_MAX) return;
    const envelope: Envelope = {
      from: this.#parts.nodeId,
      incarnation: this.#membership.incarnation,
      to: incarnation,
      number: ++this.#count,
      kind,
      body,
    };
    this.#queue.push({ to, text: JSON.stringify(envelope) });
    if (!this.#sending) {
      this.#sending = true;
      this.#parts.environment.setImmediate(() => void this.#sendAll());
    }
  }

  /** Resolves when all messages so far were handed to the engine, or given up. */
  async sent(): Promise<void> {
    while (this.#sending) await turnOfTheLoop(this.#parts.environment);
  }

  close(): void {
    this.#closed = true;
    this.#unwatch?.();
  }

  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, BATCH_MAX);
      await this.#sendBatch(batch);
    }
    this.#sending = false;
  }

  async #sendBatch(batch: { to: string; text: string }[]): Promise<void> {
    const backoff = backoffIn(this.#parts.environment);
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#parts.engine.send(batch);
        return;
      } catch (error) {
        const mayWork = error instanceof EngineError && (error.retryable || error.outcomeUnknown);
        if (!mayWork || tries >= TRIES_MAX || this.#closed) {
          this.#parts.log.warn(
            `${batch.length} messages to other nodes could not be sent and are lost; their senders notice that by a time-out`,
            error,
          );
          return;
        }
        await sleep(this.#parts.environment, backoff.nextMs());
      }
    }
  }

  #take(text: string): void {
    if (this.#closed) return;
    let envelope: Envelope;
    try {
      envelope = JSON.parse(text) as Envelope;
    } catch (error) {
      this.#parts.log.warn('a message from another node was ignored, because it is not valid JSON', error);
      return;
    }
    const { from, incarnation, to, number, kind, body } = envelope;
    if (to !== undefined && to !== this.#membership.incarnation) return;
    if (!this.#isNew(from, incarnation, number)) return;
    this.#membership.heard(from);
    this.#receivers.get(kind)?.(body as never, from, incarnation);
  }

  #isNew(from: string, incarnation: string, number: number): boolean {
    const sender = `${from}\0${incarnation}`;
    const nowMs = this.#parts.environment.monotonicMs();
    let seen = this.#seen.get(sender);
    if (!seen) {
      if (this.#seen.size >= SENDERS_MAX && !this.#forgetOne(nowMs)) return false;
      // The earlier incarnation of that node is over.
      this.#shorten(from);
      seen = new Seen(from, incarnation);
      this.#seen.set(sender, seen);
    }
    seen.heardAtMs = nowMs;
    return seen.add(number);
  }

  #shorten(nodeId: string): void {
    for (const seen of this.#seen.values()) if (seen.from === nodeId) seen.shorten();
  }

  /** Forgets one sender from which nothing can come any more. Returns whether there was one. */
  #forgetOne(nowMs: number): boolean {
    for (const [sender, { from, incarnation, heardAtMs }] of this.#seen) {
      const isThere = this.#membership.isAlive(from) && this.#membership.incarnationOf(from) === incarnation;
      if (isThere || nowMs - heardAtMs < SENDER_KEPT_MS) continue;
      this.#seen.delete(sender);
      return true;
    }
    this.#warnOfMany();
    return false;
  }

  #warnOfMany(): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#parts.log.warn(
      `more than ${SENDERS_MAX} node starts sent messages within ${SENDER_KEPT_MS} ms; messages of further ones are ignored: do nodes restart all the time?`,
    );
  }
}

/** How many messages may wait to be sent. Further ones are lost, as any message may be. */
const QUEUE_MAX = 100_000;
/** How many messages are handed to the engine at once. */
const BATCH_MAX = 256;
/** How often sending a batch is tried. By then the callers no longer wait for an answer. */
const TRIES_MAX = 8;
/** How many messages of a sender are remembered, to recognise duplicates. Older ones that arrive late count as lost. */
const SEEN_MAX = 10_000;
/** For how many incarnations that is remembered. */
const SENDERS_MAX = 10_000;
/** A sender that is gone is forgotten when nothing has come from it for this long and room is needed. Milliseconds. */
const SENDER_KEPT_MS = 2 * MESSAGE_KEPT_MS;

interface Envelope {
  readonly from: string;
  readonly incarnation: string;
  /** The receiver's incarnation for which it is meant, if the sender knew it. */
  readonly to: string | undefined;
  /** The sender's own number for it. */
  readonly number: number;
  readonly kind: string;
  readonly body: unknown;
}

export type Receiver = (body: never, from: string, incarnation: string) => void;

/** Which of one sender's messages were taken. */
class Seen {
  heardAtMs = 0;
  readonly #numbers = new Set<number>();
  #forgottenUpTo = 0;

  constructor(
    readonly from: string,
    readonly incarnation: string,
  ) {}

  get size(): number {
    return this.#numbers.size;
  }

  /**
   * The sender is gone for good, as far as anybody knows, so one number suffices. Messages that it sent before and that
   * are still under way count as lost.
   */
  shorten(): void {
    for (const number of this.#numbers) this.#forgottenUpTo = Math.max(this.#forgottenUpTo, number);
    this.#numbers.clear();
  }

  /** Records a number. Returns whether it is new; numbers older than all remembered ones count as seen. */
  add(number: number): boolean {
    if (number <= this.#forgottenUpTo || this.#numbers.has(number)) return false;
    this.#numbers.add(number);
    if (this.#numbers.size > SEEN_MAX) {
      const [oldest] = this.#numbers;
      this.#numbers.delete(oldest as number);
      this.#forgottenUpTo = Math.max(this.#forgottenUpTo, oldest as number);
    }
    return true;
  }
}
