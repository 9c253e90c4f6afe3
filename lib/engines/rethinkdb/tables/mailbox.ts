import type { Unwatch } from '../../../engine/duties/follow.js';
import { MESSAGE_KEPT_MS, type NodeMessage } from '../../../engine/duties/messages.js';
import type { Environment } from '../../../engine/environment/environment.js';
import { SYSTEM } from '../../../engine/environment/system-environment.js';
import { EngineError } from '../../../kernel/values/errors.js';
import type { Connections } from '../connections/connections.js';
import type { Reql, Term } from '../connections/driver.js';
import { Feed } from '../connections/feed.js';
import type { FeedConnection } from '../connections/feed-connection.js';
import { type Packet, PacketInbox } from './packet-inbox.js';

/** Messages between nodes: documents that a changefeed brings to their receiver, who deletes them. Not written to disk before they arrive. */
export class Mailbox {
  readonly #r: Reql;
  readonly #table: Term;
  readonly #connections: Connections;
  readonly #line: FeedConnection;
  readonly #environment: Environment;
  readonly #sender: string;
  readonly #boxes = new Set<{ close(): void }>();
  #queue: Waiting[] = [];
  #queued = 0;
  #sending = false;
  readonly #counts = new Map<string, number>();
  #oldDeletedAtMs: number;

  constructor(r: Reql, db: Term, connections: Connections, line: FeedConnection, environment = SYSTEM) {
    this.#r = r;
    this.#table = db.table('messages');
    this.#connections = connections;
    this.#line = line;
    this.#environment = environment;
    this.#sender = environment.uuid();
    this.#oldDeletedAtMs = environment.monotonicMs();
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
      if (this.#sending) return;
      this.#sending = true;
      this.#environment.setImmediate(() => void this.#sendAll());
    });
  }

  async receive(nodeId: string, deliver: (texts: readonly string[]) => void): Promise<Unwatch> {
    const own = this.#table.getAll(nodeId, { index: 'to' });
    const box = new PacketInbox(
      deliver,
      () => this.#connections.read<Packet[]>(own.coerceTo('array')),
      (ids) => this.#delete(ids),
      this.#environment,
    );
    const feed = new Feed(
      this.#line,
      own.changes({ squash: false }),
      (item) => box.heard(item),
      () => void box.look(),
      this.#environment,
    );
    const close = () => {
      if (!this.#boxes.delete(entry)) return;
      feed.close();
      box.close();
    };
    // From the beginning: what fails, or is closed in between, must not go on hearing for nobody.
    const entry = { close };
    this.#boxes.add(entry);
    try {
      await feed.open();
      // What was sent to an earlier receiver is no business of this one's.
      await box.skipOld();
    } catch (error) {
      close();
      throw error;
    }
    return close;
  }

  close(): void {
    for (const box of [...this.#boxes]) box.close();
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

  /** Those nobody came for. By the clock of whoever sent them; the tables are small. */
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
