import { SCHEDULES_MAX, type TickSchedule } from '../../engine/duties/index.js';
import { EngineError } from '../../kernel/values/index.js';
import type { Cluster } from '../cluster/index.js';
import type { RuntimeParts } from '../parts/index.js';

/**
 * Writes schedules to the engine. Writes of one key go one after the other, in the order of the calls. All that wait at
 * the same time go in one call. There are never more than a few waiting writes for each loaded actor.
 */
export class ScheduleWrites {
  readonly #parts: RuntimeParts;
  readonly #cluster: Cluster;
  #waiting: Write[] = [];
  #isWriting = false;

  constructor(parts: RuntimeParts, cluster: Cluster) {
    this.#parts = parts;
    this.#cluster = cluster;
  }

  /** Adds a schedule, and returns the one that is stored. @throws EngineError. */
  add(schedule: TickSchedule): Promise<TickSchedule> {
    return this.#enqueue('add', schedule);
  }

  /** @throws EngineError. */
  async remove(schedule: TickSchedule): Promise<void> {
    await this.#enqueue('remove', schedule);
  }

  #enqueue(kind: Write['kind'], schedule: TickSchedule): Promise<TickSchedule> {
    return new Promise((settle, fail) => {
      this.#waiting.push({ kind, key: scheduleKeyOf(schedule), schedule, settle, fail });
      if (this.#isWriting) return;
      this.#isWriting = true;
      // Writes that come before the event loop turns go along.
      this.#parts.environment.setImmediate(() => void this.#writeAll());
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const writes = this.#nextOfEach();
      await Promise.all([
        this.#write(writes.filter(({ kind }) => kind === 'add')),
        this.#write(writes.filter(({ kind }) => kind === 'remove')),
      ]);
    }
    this.#isWriting = false;
  }

  /** The first write of each key. */
  #nextOfEach(): Write[] {
    const next = new Map<string, Write>();
    this.#waiting = this.#waiting.filter((write) => {
      if (next.has(write.key) || next.size === SCHEDULES_MAX) return true;
      next.set(write.key, write);
      return false;
    });
    return [...next.values()];
  }

  /**
   * Writes all in one call. If that is refused, it writes one by one, so that only the faulty ones fail. It never
   * throws.
   */
  async #write(writes: readonly Write[]): Promise<void> {
    const [first] = writes;
    if (!first) return;
    const schedules = writes.map(({ schedule }) => schedule);
    try {
      const kept = first.kind === 'add' ? await this.#add(schedules) : await this.#remove(schedules);
      for (const [i, { settle }] of writes.entries()) settle(kept[i] as TickSchedule);
    } catch (error) {
      if (writes.length === 1 || isOutage(error)) for (const { fail } of writes) fail(error);
      else for (const write of writes) await this.#write([write]);
    }
  }

  async #add(schedules: readonly TickSchedule[]): Promise<TickSchedule[]> {
    // Others must know this node, or they would take its schedules for those of a dead one. They must also know its
    // clock, by which they measure what it writes.
    await this.#cluster.start();
    await this.#cluster.membership.tellClock();
    return this.#parts.engine.addSchedules(schedules);
  }

  async #remove(schedules: readonly TickSchedule[]): Promise<readonly TickSchedule[]> {
    await this.#parts.engine.removeSchedules(schedules);
    return schedules;
  }
}

/** A schedule to be added or removed. */
interface Write {
  readonly kind: 'add' | 'remove';
  readonly key: string;
  readonly schedule: TickSchedule;
  readonly settle: (kept: TickSchedule) => void;
  readonly fail: (error: unknown) => void;
}

/** The key of a schedule. There is one for each stream and class. */
export function scheduleKeyOf({ streamId, actor }: Pick<TickSchedule, 'streamId' | 'actor'>): string {
  return JSON.stringify([streamId, actor]);
}

/** Whether every other write would fail as well. */
function isOutage(error: unknown): boolean {
  return error instanceof EngineError && (error.retryable || error.code === 'ENGINE_CLOSED');
}
