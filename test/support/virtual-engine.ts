import { MemoryEngine, type MemoryStore } from 'omniscient-nest/memory';
import type { AppendRequest, AppendResult } from '../../lib/engine/duties/append.js';
import type { Unwatch, Wake } from '../../lib/engine/duties/follow.js';
import type { NodeMessage } from '../../lib/engine/duties/messages.js';
import type { NodeRecord } from '../../lib/engine/duties/nodes.js';
import type { SnapshotRecord } from '../../lib/engine/duties/snapshots.js';
import type { TickSchedule } from '../../lib/engine/duties/tick-schedules.js';
import { EngineError } from '../../lib/kernel/values/errors.js';
import type { EventRecord } from '../../lib/kernel/values/event.js';
import type { VirtualMachine, VirtualTime } from './virtual-time.js';

/** What goes wrong with writes of schedules: shares of 1. */
export interface ScheduleWeather {
  /** They take up to `lateMs`, each on its own. */
  slow: number;
  /** Refused. */
  refused: number;
  /** They are said to have failed, and land up to `lateMs` later. */
  late: number;
  /** They land, and then once more up to `lateMs` later. */
  twice: number;
  readonly lateMs: number;
}

/** Longest way of a question to the store, and of an answer back. Milliseconds. */
const WAY_MS = 8;
/** Every wake-up takes the same way. Milliseconds. */
const WAKE_MS = 3;

/** A store that is some milliseconds away, in virtual time. What was sent lands, whatever becomes of the machine that sent it. */
export class VirtualEngine extends MemoryEngine {
  constructor(
    store: MemoryStore,
    readonly time: VirtualTime,
    readonly machine: VirtualMachine,
    readonly random: () => number,
    readonly weather: ScheduleWeather,
    /** When each event arrived at the store last. */
    readonly landedAtMs: Map<string, number>,
  ) {
    super({ store, environment: machine });
  }

  override append(request: AppendRequest): Promise<AppendResult> {
    return this.#ask(async () => {
      for (const { id } of request.events) this.landedAtMs.set(id, this.time.nowMs);
      return super.append(request);
    });
  }

  /** Answered as it is when the answer arrives. */
  override readStream(streamId: string, after: number, limit: number): Promise<EventRecord[]> {
    return this.#ask(() => super.readStream(streamId, after, limit), WAY_MS, 0);
  }

  override loadSnapshot(streamId: string, actor: string): Promise<SnapshotRecord | undefined> {
    return this.#ask(() => super.loadSnapshot(streamId, actor));
  }

  override beat(node: NodeRecord): Promise<void> {
    return this.#ask(() => super.beat(node));
  }

  override nodes(): Promise<NodeRecord[]> {
    return this.#ask(() => super.nodes());
  }

  override forgetNode(nodeId: string, incarnation: string): Promise<void> {
    return this.#ask(() => super.forgetNode(nodeId, incarnation));
  }

  override send(messages: readonly NodeMessage[]): Promise<void> {
    return this.#ask(() => super.send(messages));
  }

  override receive(nodeId: string, deliver: (texts: readonly string[]) => void): Promise<Unwatch> {
    return super.receive(nodeId, (texts) => this.machine.run(() => deliver(texts)));
  }

  override watchStream(streamId: string, wake: Wake): Promise<Unwatch> {
    return super.watchStream(streamId, (events) =>
      this.time.after(WAKE_MS, () => this.machine.run(() => wake(events))),
    );
  }

  override addSchedules(schedules: readonly TickSchedule[]): Promise<TickSchedule[]> {
    return this.#write(() => super.addSchedules(schedules));
  }

  override removeSchedules(schedules: readonly TickSchedule[]): Promise<void> {
    return this.#write(() => super.removeSchedules(schedules));
  }

  override schedulesOf(owner: string, limit: number, after?: TickSchedule): Promise<TickSchedule[]> {
    return this.#ask(() => super.schedulesOf(owner, limit, after));
  }

  override scheduleOwners(): Promise<string[]> {
    return this.#ask(() => super.scheduleOwners());
  }

  override takeSchedules(from: string, to: string, limit: number): Promise<TickSchedule[]> {
    return this.#ask(() => super.takeSchedules(from, to, limit));
  }

  #ask<T>(work: () => Promise<T>, thereMs = WAY_MS, backMs = WAY_MS): Promise<T> {
    return new Promise((resolve, reject) => {
      const answer = (settle: () => void) => {
        if (backMs === 0) this.machine.run(settle);
        else this.time.after(this.random() * backMs, () => this.machine.run(settle));
      };
      const arrive = () =>
        work().then(
          (value) => answer(() => resolve(value)),
          (error: unknown) => answer(() => reject(error)),
        );
      this.time.after(this.random() * thereMs, () => void arrive());
    });
  }

  #write<T>(work: () => Promise<T>): Promise<T> {
    const { slow, refused, late, twice, lateMs } = this.weather;
    const failing = async () => {
      throw new EngineError('ENGINE_UNAVAILABLE', 'not now', { retryable: true, outcomeUnknown: true });
    };
    const landLater = () => this.time.after(this.random() * lateMs, () => void work().catch(() => {}));
    if (this.random() < refused) return this.#ask(failing);
    if (this.random() < late) {
      landLater();
      return this.#ask(failing);
    }
    if (this.random() < twice) landLater();
    return this.#ask(work, this.random() < slow ? lateMs : WAY_MS);
  }
}
