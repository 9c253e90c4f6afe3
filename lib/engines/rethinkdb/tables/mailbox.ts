import { MESSAGE_KEPT_MS, type NodeMessage, type Unwatch } from '../../../engine/duties/index.js';
import { type Environment, SYSTEM } from '../../../engine/environment/index.js';
import { EngineError } from '../../../kernel/values/index.js';
import { type Connections, Feed, type FeedConnection, type Reql, type Term } from '../connections/index.js';
import { type Packet, PacketInbox } from './packet-inbox.js';

/**
 * Messages between nodes. A message is a document that a changefeed brings to its receiver, who deletes it. It arrives
 * before it is on disk.
 */
export class Mailbox {
  readonly #r: Reql;
  readonly #table: Term;
  readonly #connections: Connections;
  readonly #connection: FeedConnection;
  readonly #environment: Environment;
  readonly #sender: string;
  readonly #inboxes = new Set<{ close(): void }>();
  #queue: Waiting[] = [];
  #queued = 0;
  #sending = false;
  readonly #counts = new Map<string, number>();
  #oldDeletedAtMs: number;

  constructor(r: Reql, db: Term, connections: Connections, connection: FeedConnection, environment = SYSTEM) {
    this.#r = r;
    this.#table = db.table('messages');
    this.#connections = connections;
    this.#connection = connection;
    this.#environment = environment;
    this.#sender = environment.uuid();
    this.#oldDeletedAtMs = environment.monotonicMs();
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
      if (this.#sending) return;
      this.#sending = true;
      this.#environment.setImmediate(() => void this.#sendAll());
    });
  }

  async receive(nodeId: string, deliver: (texts: readonly string[]) => void): Promise<Unwatch> {
    const own = this.#table.getAll(nodeId, { index: 'to' });
    const inbox = new PacketInbox(
      deliver,
      () => this.#connections.read<Packet[]>(own.coerceTo('array')),
      (ids) => this.#delete(ids),
      this.#environment,
    );
    const feed = new Feed(
      this.#connection,
      own.changes({ squash: false }),
      (item) => inbox.heard(item),
      () => void inbox.look(),
      this.#environment,
    );
    const close = () => {
      if (!this.#inboxes.delete(entry)) return;
      feed.close();
      inbox.close();
    };
    // Registered first, so that a feed that fails or is closed meanwhile does not go on without a receiver.
    const entry = { close };
    this.#inboxes.add(entry);
    try {
      await feed.open();
      // Messages to an earlier receiver are not for this one.
      await inbox.skipOld();
    } catch (error) {
      close();
      throw error;
    }
    return close;
  }

  close(): void {
    for (const inbox of [...this.#inboxes]) inbox.close();
  }

  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      this.#queued = 0;
      try {
        const packets = this.#packetsOf(batch.flatMap(({ messages }) => messages));
        await this.#connections.write(
          this.#table.insert(this.#r.json(JSON.stringify(packets)), { durability: 'soft' }),
        );
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#sending = false;
    this.#deleteOld();
  }

  #packetsOf(messages: readonly NodeMessage[]): object[] {
    const byReceiver = new Map<string, string[]>();
    for (const { to, text } of messages) byReceiver.set(to, [...(byReceiver.get(to) ?? []), text]);
    const sentAtMs = this.#environment.now();
    return [...byReceiver].map(([to, texts]) => ({
      id: this.#environment.uuid(),
      to,
      sender: this.#sender,
      number: this.#nextNumber(to),
      texts,
      sentAtMs,
    }));
  }

  #nextNumber(to: string): number {
    const number = (this.#counts.get(to) ?? 0) + 1;
    this.#counts.set(to, number);
    return number;
  }

  async #delete(ids: readonly string[]): Promise<void> {
    await this.#connections.write(this.#table.getAll(this.#r.args(ids)).delete({ durability: 'soft' }));
  }

  /** Deletes messages that nobody came for, by the clock of their sender. The tables are small. */
  #deleteOld(): void {
    const nowMs = this.#environment.monotonicMs();
    if (nowMs - this.#oldDeletedAtMs < MESSAGE_KEPT_MS) return;
    this.#oldDeletedAtMs = nowMs;
    const old = this.#table.filter(
      this.#r
        .row('sender')
        .eq(this.#sender)
        .and(this.#r.expr(this.#environment.now() - MESSAGE_KEPT_MS).gt(this.#r.row('sentAtMs'))),
    );
    this.#connections.write(old.delete({ durability: 'soft' })).catch(() => {});
  }
}

/** Most messages that may wait to be written. */
const QUEUE_MAX = 100_000;

interface Waiting {
  readonly messages: readonly NodeMessage[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}
