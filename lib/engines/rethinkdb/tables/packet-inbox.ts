import { type Environment, SYSTEM, type Timer } from '../../../engine/environment/index.js';

/** The inbox of one receiver. It delivers every packet once, and looks for those that the feed lost. */
export class PacketInbox {
  readonly #deliver: (texts: readonly string[]) => void;
  readonly #read: () => Promise<Packet[]>;
  readonly #delete: (ids: readonly string[]) => Promise<void>;
  readonly #environment: Environment;
  readonly #known = new Set<string>();
  /** For each sender, how far its packets have been delivered. */
  readonly #sequences = new Map<string, SenderSequence>();
  #toDelete: string[] = [];
  #timer: Timer | undefined;
  #isOpen = false;
  #early: Packet[] = [];
  #closed = false;

  constructor(
    deliver: (texts: readonly string[]) => void,
    read: () => Promise<Packet[]>,
    remove: (ids: readonly string[]) => Promise<void>,
    environment = SYSTEM,
  ) {
    this.#deliver = deliver;
    this.#read = read;
    this.#delete = remove;
    this.#environment = environment;
  }

  async skipOld(): Promise<void> {
    const early = new Set(this.#early.map(({ id }) => id));
    for (const { id } of await this.#read()) {
      if (early.has(id)) continue;
      this.#known.add(id);
      this.#toDelete.push(id);
    }
    this.#isOpen = true;
    this.#take(this.#early);
    this.#early = [];
    this.#lookLater();
  }

  heard(item: unknown): void {
    const packet = (item as { new_val?: Packet | null }).new_val;
    if (!packet) return;
    if (this.#isOpen) this.#take([packet]);
    else this.#early.push(packet);
  }

  async look(): Promise<void> {
    if (!this.#isOpen || this.#closed) return;
    const deleting = this.#toDelete.splice(0);
    try {
      if (deleting.length > 0) await this.#delete(deleting);
      const packets = await this.#read();
      this.#take(packets.sort((a, b) => a.number - b.number));
    } catch {
      // The next look tries again. What could not be deleted is deleted for its age.
    }
  }

  close(): void {
    this.#closed = true;
    this.#environment.clearTimeout(this.#timer);
  }

  #take(packets: readonly Packet[]): void {
    for (const packet of packets) {
      const { id } = packet;
      if (this.#closed || this.#known.has(id)) continue;
      this.#known.add(id);
      this.#forgetOldest();
      this.#toDelete.push(id);
      this.#inOrder(packet);
    }
  }

  #forgetOldest(): void {
    if (this.#known.size <= DELIVERED_MAX) return;
    // Only the first entry: a copy of the whole set would be made for every packet.
    const [oldest] = this.#known;
    this.#known.delete(oldest as string);
  }

  /**
   * Delivers in order. A changefeed keeps order only within a document, so a packet that comes too early waits a moment
   * for the one before it.
   */
  #inOrder(packet: Packet): void {
    const sequence = this.#sequences.get(packet.sender) ?? {
      next: 1,
      early: new Map<number, Packet>(),
      timer: undefined,
    };
    this.#sequences.set(packet.sender, sequence);
    if (packet.number > sequence.next) {
      sequence.early.set(packet.number, packet);
      if (!sequence.timer) this.#giveUpGapLater(sequence);
      return;
    }
    this.#deliver(packet.texts);
    sequence.next = Math.max(sequence.next, packet.number + 1);
    this.#deliverEarly(sequence);
  }

  #deliverEarly(sequence: SenderSequence): void {
    for (let packet = sequence.early.get(sequence.next); packet; packet = sequence.early.get(sequence.next)) {
      sequence.early.delete(sequence.next);
      sequence.next += 1;
      this.#deliver(packet.texts);
    }
    if (sequence.early.size > 0) return;
    this.#environment.clearTimeout(sequence.timer);
    sequence.timer = undefined;
  }

  #giveUpGapLater(sequence: SenderSequence): void {
    sequence.timer = this.#environment.setTimeout(() => this.#giveUpGap(sequence), GAP_MS_MAX);
    sequence.timer.unref();
  }

  /** Gives up a missing packet: it went to an earlier receiver, or is lost. */
  #giveUpGap(sequence: SenderSequence): void {
    sequence.timer = undefined;
    if (this.#closed || sequence.early.size === 0) return;
    sequence.next = Math.min(...sequence.early.keys());
    this.#deliverEarly(sequence);
    if (sequence.early.size > 0) this.#giveUpGapLater(sequence);
  }

  #lookLater(): void {
    if (this.#closed) return;
    this.#timer = this.#environment.setTimeout(() => void this.look().finally(() => this.#lookLater()), LOOK_AGAIN_MS);
    this.#timer.unref();
  }
}

/** How often packets are looked for that the changefeed did not bring. Milliseconds. */
const LOOK_AGAIN_MS = 1_000;
/** How long a packet waits for the one before it. Milliseconds. */
const GAP_MS_MAX = 50;
/** Most delivered packets that are remembered. */
const DELIVERED_MAX = 10_000;

/** The messages that one engine sent to one node in one document. */
export interface Packet {
  readonly id: string;
  readonly to: string;
  readonly sender: string;
  /** The sender's count of packets to this receiver. */
  readonly number: number;
  readonly texts: readonly string[];
}

/** One sender's packets. */
interface SenderSequence {
  /** The number of the next packet. */
  next: number;
  readonly early: Map<number, Packet>;
  timer: Timer | undefined;
}
