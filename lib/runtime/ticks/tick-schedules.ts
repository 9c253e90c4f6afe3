import type { Timer } from '../../engine/environment.js';
import { SCHEDULES_MAX, type TickSchedule } from '../../engine/tick-schedules.js';
import type { Cluster } from '../cluster/cluster.js';
import type { RuntimeParts } from '../settings.js';
import type { TickRole } from './tick-role.js';

/** How often schedules without a living owner, and own ones without an actor, are looked for. Milliseconds. */
const SWEEP_MS = 5_000;
/** Until then all classes of an application have registered. Milliseconds. */
const FIRST_SWEEP_AFTER_MS = 50;
/** How long after a start it is made sure that somebody owns the schedule. Milliseconds. */
const CHECK_AFTER_MS = 1_000;
/** Most schedules taken over, and actors loaded for them, at once. */
const TAKE_MAX = 256;

/** Which schedules this node owns, and how it comes by those of nodes that are gone. */
export class TickSchedules {
  readonly #parts: RuntimeParts;
  readonly #cluster: Cluster;
  readonly #activate: (actor: string, id: string) => Promise<TickRole | undefined>;
  readonly #roles = new Map<string, TickRole>();
  readonly #timers = new Set<Timer>();
  #adding: { schedule: TickSchedule; settle: (kept: TickSchedule) => void; fail: (error: unknown) => void }[] = [];
  #removing: TickSchedule[] = [];
  #removingSoon = false;
  #started = false;
  #stopped = false;
  #warnedOf = new Set<string>();

  constructor(
    parts: RuntimeParts,
    cluster: Cluster,
    activate: (actor: string, id: string) => Promise<TickRole | undefined>,
  ) {
    this.#parts = parts;
    this.#cluster = cluster;
    this.#activate = activate;
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#cluster.membership.onGone((nodeId) => void this.#logged(() => this.#takeOver(nodeId)));
    this.#later(FIRST_SWEEP_AFTER_MS, () => void this.#sweepForEver());
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) this.#parts.environment.clearTimeout(timer);
  }

  async own(role: TickRole): Promise<void> {
    const schedule = this.#scheduleOf(role);
    const kept = await this.#add(schedule);
    const isOurs = kept.owner === this.#parts.nodeId;
    if (isOurs) this.#roles.set(keyOf(schedule), role);
    if (isOurs !== role.owned) role.setOwned(isOurs);
  }

  check(role: TickRole): void {
    this.#later(role.owned ? 0 : CHECK_AFTER_MS, () => {
      if (role.needsOwner) void this.#logged(() => this.own(role));
    });
  }

  release(role: TickRole): void {
    this.forget(role);
    role.setOwned(false);
    this.#removing.push(this.#scheduleOf(role));
    if (this.#removingSoon) return;
    this.#removingSoon = true;
    this.#parts.environment.setImmediate(() => {
      this.#removingSoon = false;
      const removing = this.#removing.splice(0);
      void this.#logged(() => this.#parts.engine.removeSchedules(removing));
    });
  }

  forget(role: TickRole): void {
    const key = keyOf(this.#scheduleOf(role));
    if (this.#roles.get(key) === role) this.#roles.delete(key);
  }

  #scheduleOf(role: TickRole): TickSchedule {
    return { streamId: role.streamId, actor: role.actor, id: role.id, owner: this.#parts.nodeId };
  }

  /** All that are added in one turn of the event loop go to the engine in one call. */
  #add(schedule: TickSchedule): Promise<TickSchedule> {
    return new Promise((settle, fail) => {
      this.#adding.push({ schedule, settle, fail });
      if (this.#adding.length === 1) this.#parts.environment.setImmediate(() => void this.#addAll());
    });
  }

  async #addAll(): Promise<void> {
    const adding = this.#adding.splice(0, SCHEDULES_MAX);
    if (this.#adding.length > 0) this.#parts.environment.setImmediate(() => void this.#addAll());
    try {
      await this.#cluster.start();
      const kept = await this.#parts.engine.addSchedules(adding.map(({ schedule }) => schedule));
      for (const [i, { settle }] of adding.entries()) settle(kept[i] as TickSchedule);
    } catch (error) {
      for (const { fail } of adding) fail(error);
    }
  }

  async #sweepForEver(): Promise<void> {
    await this.#logged(() => this.#sweep());
    this.#later(SWEEP_MS, () => void this.#sweepForEver());
  }

  async #sweep(): Promise<void> {
    await this.#cluster.start();
    const { engine, nodeId } = this.#parts;
    for (const owner of await engine.scheduleOwners()) {
      if (owner === nodeId) await this.#adoptOwn();
      else if (!this.#cluster.membership.isAlive(owner)) await this.#takeOver(owner);
    }
  }

  /** What is ours by the engine and not here: from before a restart, or actors that could not be loaded. */
  async #adoptOwn(): Promise<void> {
    let after: TickSchedule | undefined;
    do {
      const page = await this.#parts.engine.schedulesOf(this.#parts.nodeId, TAKE_MAX, after);
      await this.#adopt(page.filter((schedule) => !this.#roles.has(keyOf(schedule))));
      after = page.at(-1);
    } while (after && !this.#stopped);
  }

  async #takeOver(from: string): Promise<void> {
    for (;;) {
      if (this.#stopped || this.#cluster.leaving) return;
      const taken = await this.#parts.engine.takeSchedules(from, this.#parts.nodeId, TAKE_MAX);
      if (taken.length === 0) return;
      await this.#adopt(taken);
    }
  }

  async #adopt(schedules: readonly TickSchedule[]): Promise<void> {
    await Promise.all(
      schedules.map(async (schedule) => {
        try {
          const role = await this.#activate(schedule.actor, schedule.id);
          if (role) {
            this.#roles.set(keyOf(schedule), role);
            role.setOwned(true);
          } else this.#warnOf(schedule.actor);
        } catch (error) {
          const { actor, id } = schedule;
          if (!this.#stopped)
            this.#parts.log.error(`${actor} '${id}' ticks no more: it can't be loaded; it is tried again`, error);
        }
      }),
    );
  }

  #warnOf(actor: string): void {
    if (this.#warnedOf.has(actor)) return;
    this.#warnedOf.add(actor);
    this.#parts.log.error(
      `'${actor}' ticks, but this node has no TickActor of that name: all nodes of one store must register the same actors`,
    );
  }

  #later(ms: number, work: () => void): void {
    if (this.#stopped) return;
    const timer = this.#parts.environment.setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    this.#timers.add(timer.unref());
  }

  async #logged(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.#stopped)
        this.#parts.log.warn('tick schedules could not be looked after; they are looked at again', error);
    }
  }
}

function keyOf({ streamId, actor }: TickSchedule): string {
  return JSON.stringify([streamId, actor]);
}
