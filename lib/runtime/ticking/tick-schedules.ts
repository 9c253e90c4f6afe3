import { SCHEDULES_MAX, type TickSchedule } from '../../engine/duties/index.js';
import type { Timer } from '../../engine/environment/index.js';
import type { Cluster } from '../cluster/index.js';
import type { RuntimeParts } from '../parts/index.js';
import { ScheduleWrites, scheduleKeyOf } from './schedule-writes.js';
import type { TickingActor } from './ticking-actor.js';

/**
 * Which schedules this node owns, and how it takes over those of nodes that are gone. The engine's schedules are only
 * an index of what streams say. A sweep repairs differences, so nothing depends on a single write.
 */
export class TickSchedules {
  readonly #parts: RuntimeParts;
  readonly #cluster: Cluster;
  readonly #activate: Activate;
  readonly #writes: ScheduleWrites;
  /** Everything that ticks according to its stream and is loaded here, whichever node owns it. */
  readonly #ticking = new Map<string, TickingActor>();
  /** Those that are about to be checked. */
  readonly #checks = new Map<TickingActor, Timer>();
  /** Schedules whose actors are being loaded. */
  readonly #loading = new Set<string>();
  /**
   * Own schedules at the last sweep whose start is not in the stream: it is under way, or it failed. Their versions, by
   * key.
   */
  #unstored = new Map<string, number>();
  #sweepTimer: Timer | undefined;
  #started = false;
  #stopped = false;
  readonly #warnedOf = new Set<string>();

  constructor(parts: RuntimeParts, cluster: Cluster, activate: Activate) {
    this.#parts = parts;
    this.#cluster = cluster;
    this.#activate = activate;
    this.#writes = new ScheduleWrites(parts, cluster);
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#cluster.membership.onGone((nodeId) => void this.#logged(() => this.#takeOver(nodeId)));
    this.#sweepAfter(FIRST_SWEEP_AFTER_MS);
  }

  stop(): void {
    this.#stopped = true;
    this.#parts.environment.clearTimeout(this.#sweepTimer);
    for (const timer of this.#checks.values()) this.#parts.environment.clearTimeout(timer);
    this.#checks.clear();
  }

  /** It ticks from now on, here or elsewhere. */
  begun(role: TickingActor): void {
    this.#ticking.set(role.key, role);
  }

  /** It no longer ticks, or is no longer loaded. */
  ended(role: TickingActor): void {
    if (this.#ticking.get(role.key) === role) this.#ticking.delete(role.key);
    this.#parts.environment.clearTimeout(this.#checks.get(role));
    this.#checks.delete(role);
  }

  /**
   * Records that this node makes it tick, unless another one does. @param since see `TickSchedule`. @throws
   * EngineError.
   */
  async own(role: TickingActor, since: number): Promise<void> {
    role.claims += 1;
    try {
      const { owner } = await this.#writes.add(this.#scheduleOf(role, since));
      const isOurs = owner === this.#parts.nodeId;
      if (isOurs !== role.owned) role.setOwned(isOurs);
    } finally {
      role.claims -= 1;
    }
  }

  /** Ensures that some node owns its schedule, and learns whether it is this one: at once, or after a while. */
  check(role: TickingActor, atOnce: boolean): void {
    if (this.#stopped || (this.#checks.has(role) && !atOnce)) return;
    this.#parts.environment.clearTimeout(this.#checks.get(role));
    const check = () => {
      this.#checks.delete(role);
      if (role.needsOwner) void this.#logged(() => this.own(role, role.version));
    };
    const timer = this.#parts.environment.setTimeout(check, atOnce ? 0 : CHECK_AFTER_MS);
    this.#checks.set(role, timer.unref());
  }

  /** Removes its schedule, because its stream says that it does not tick. */
  release(role: TickingActor): void {
    role.setOwned(false);
    void this.#logged(() => this.#writes.remove(this.#scheduleOf(role, role.version)));
  }

  #scheduleOf({ streamId, actor, id }: TickingActor, since: number): TickSchedule {
    return { streamId, actor, id, owner: this.#parts.nodeId, since };
  }

  #sweepAfter(ms: number): void {
    if (this.#stopped) return;
    const sweep = () => void this.#sweep().finally(() => this.#sweepAfter(SWEEP_MS));
    this.#sweepTimer = this.#parts.environment.setTimeout(sweep, ms).unref();
  }

  /** Each part runs by itself, so that a failure in one does not stop the others. */
  async #sweep(): Promise<void> {
    await this.#logged(async () => {
      await this.#cluster.start();
      const owners = await this.#parts.engine.scheduleOwners();
      await this.#logged(() => this.#compareOwn(owners.includes(this.#parts.nodeId)));
      for (const owner of await this.#goneOf(owners)) await this.#logged(() => this.#takeOver(owner));
    });
    this.#checkOverdue();
  }

  /** Owners that are not alive, as far as is known now. */
  async #goneOf(owners: readonly string[]): Promise<string[]> {
    const { membership } = this.#cluster;
    const isGone = (owner: string) => !membership.isAlive(owner);
    // One of them may have joined a moment ago.
    if (owners.some(isGone)) await membership.refresh();
    return owners.filter(isGone);
  }

  /**
   * Compares the engine's schedules of this node with what the streams of loaded actors say, and repairs differences.
   */
  async #compareOwn(hasAny: boolean): Promise<void> {
    const missing = new Set([...this.#ticking.values()].filter(({ owned }) => owned));
    const strays: TickSchedule[] = [];
    let after: TickSchedule | undefined;
    while (hasAny && !this.#stopped) {
      const page = await this.#parts.engine.schedulesOf(this.#parts.nodeId, SCHEDULES_MAX, after);
      for (const schedule of page) {
        const role = this.#ticking.get(scheduleKeyOf(schedule));
        if (role) missing.delete(role);
        if (!role?.owned) strays.push(schedule);
      }
      after = page.at(-1);
      if (!after) break;
    }
    for (const role of missing) if (role.owned) this.check(role, true);
    await this.#adoptStrays(strays);
  }

  /** These schedules are from before a restart, or of actors that could not be loaded or do not tick. */
  async #adoptStrays(strays: readonly TickSchedule[]): Promise<void> {
    const before = this.#unstored;
    this.#unstored = new Map();
    for (let i = 0; i < strays.length && !this.#stopped; i += TAKE_MAX) {
      await this.#adopt(strays.slice(i, i + TAKE_MAX), async (role, schedule) => {
        if (role.needsOwner) await this.own(role, role.version);
        else await this.#removeUnlessStarting(role, schedule, before.get(role.key));
      });
    }
  }

  async #takeOver(from: string): Promise<void> {
    while (!this.#stopped && !this.#cluster.leaving && this.#loading.size < LOADING_MAX) {
      const taken = await this.#parts.engine.takeSchedules(from, this.#parts.nodeId, TAKE_MAX);
      if (taken.length === 0) return;
      await this.#adopt(taken, async (role, schedule) => {
        if (role.needsOwner) role.setOwned(true);
        else await this.#removeUnlessStarting(role, schedule, undefined);
      });
    }
  }

  /** Loads their actors. One that loads very slowly does not hold up the others. */
  async #adopt(
    schedules: readonly TickSchedule[],
    adopt: (role: TickingActor, schedule: TickSchedule) => Promise<void>,
  ): Promise<void> {
    const adopting = schedules.map(async (schedule) => {
      const key = scheduleKeyOf(schedule);
      if (this.#loading.has(key)) return;
      this.#loading.add(key);
      try {
        const role = await this.#activate(schedule.actor, schedule.id);
        if (role) await adopt(role, schedule);
        else this.#warnOf(schedule.actor);
      } catch (error) {
        this.#couldNot(schedule, error);
      } finally {
        this.#loading.delete(key);
      }
    });
    await this.#atMost(LOADING_WAIT_MS, Promise.all(adopting));
  }

  /** @param unstored is its version at the last sweep, if that was beyond the end of the stream. */
  async #removeUnlessStarting(role: TickingActor, schedule: TickSchedule, unstored: number | undefined): Promise<void> {
    if (!role.alive || role.isStarting) return;
    const { streamId, since } = schedule;
    if (since > role.version) {
      // Somebody is about to start it, or has failed to. In the second case nothing will have changed at the next
      // sweep.
      const isSame = unstored === since && (await this.#parts.engine.streamVersion(streamId)) === role.version;
      if (!isSame) this.#unstored.set(role.key, since);
      if (!isSame || !role.alive || role.needsOwner || role.isStarting) return;
    }
    role.setOwned(false);
    await this.#writes.remove({ ...schedule, since: Math.max(since, role.version) });
  }

  /** Another node should make these tick and does not. Their schedules may be missing. */
  #checkOverdue(): void {
    const { heartbeatTimeoutMs } = this.#parts.limits;
    for (const role of this.#ticking.values()) {
      if (!role.owned && role.overdueMs > heartbeatTimeoutMs) this.check(role, true);
    }
  }

  #couldNot({ actor, id }: TickSchedule, error: unknown): void {
    if (this.#stopped) return;
    this.#parts.log.error(`${actor} '${id}' does not tick, because it cannot be loaded; loading is retried`, error);
  }

  #warnOf(actor: string): void {
    if (this.#warnedOf.has(actor) || this.#warnedOf.size === WARNED_MAX) return;
    this.#warnedOf.add(actor);
    this.#parts.log.error(
      `'${actor}' has schedules, but this node has no TickActor of that name: all nodes of one store must register the same actors`,
    );
  }

  async #atMost(ms: number, work: Promise<unknown>): Promise<void> {
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = this.#parts.environment.setTimeout(resolve, ms).unref();
    });
    await Promise.race([work, late]);
    this.#parts.environment.clearTimeout(timer);
  }

  async #logged(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.#stopped) return;
      this.#parts.log.warn('tick schedules could not be checked; they are checked again soon', error);
    }
  }
}

/** How often schedules are compared with streams, and those without a living owner are looked for. Milliseconds. */
const SWEEP_MS = 5_000;
/** By then all classes of an application have registered. Milliseconds. */
const FIRST_SWEEP_AFTER_MS = 50;
/** How long after a start elsewhere the schedule's owner is checked. Milliseconds. */
const CHECK_AFTER_MS = 1_000;
/** How many schedules are taken over in one call. */
const TAKE_MAX = 256;
/** How many actors may be loading for their schedules. Beyond that no more are taken over. */
const LOADING_MAX = 1_024;
/** How long loading them may hold up the rest of the sweep. Milliseconds. */
const LOADING_WAIT_MS = 2_000;
/** How many unknown classes are remembered, so that each is logged once. */
const WARNED_MAX = 1_000;

type Activate = (actor: string, id: string) => Promise<TickingActor | undefined>;
