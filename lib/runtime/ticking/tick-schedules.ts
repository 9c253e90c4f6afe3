import { SCHEDULES_MAX, type TickSchedule } from '../../engine/duties/tick-schedules.js';
import type { Timer } from '../../engine/environment/environment.js';
import type { Cluster } from '../cluster/cluster.js';
import type { RuntimeParts } from '../parts/settings.js';
import { ScheduleWrites, scheduleKeyOf } from './schedule-writes.js';
import type { TickingActor } from './ticking-actor.js';

/**
 * Which schedules this node owns, and how it comes by those of nodes that are gone. The engine's schedules are only an index of what streams say: a sweep repairs
 * what differs, so nothing depends on a single write.
 */
export class TickSchedules {
  readonly #parts: RuntimeParts;
  readonly #cluster: Cluster;
  readonly #activate: Activate;
  readonly #writes: ScheduleWrites;
  /** All that tick by their streams and are loaded here, whoever owns them. */
  readonly #ticking = new Map<string, TickingActor>();
  /** Those that are about to be checked. */
  readonly #checks = new Map<TickingActor, Timer>();
  /** Schedules whose actors are being loaded. */
  readonly #loading = new Set<string>();
  /** Own schedules at the last sweep that stand for a start which is not in the stream: under way, or failed. Their versions, by key. */
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

  /** It ticks no more, or is not loaded any more. */
  ended(role: TickingActor): void {
    if (this.#ticking.get(role.key) === role) this.#ticking.delete(role.key);
    this.#parts.environment.clearTimeout(this.#checks.get(role));
    this.#checks.delete(role);
  }

  /** Writes down that this node makes it tick, unless another does. @param since see `TickSchedule`. @throws EngineError. */
  async own(role: TickingActor, since: number): Promise<void> {
    const { owner } = await this.#writes.add(this.#scheduleOf(role, since));
    const isOurs = owner === this.#parts.nodeId;
    if (isOurs !== role.owned) role.setOwned(isOurs);
  }

  /** Makes sure that somebody owns it, and learns whether it is this node: at once, or after a while. */
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

  /** This node has no reason to keep it: its stream says that it does not tick. */
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

  /** Each part by itself: what goes wrong with one must not hold up the others. */
  async #sweep(): Promise<void> {
    await this.#logged(async () => {
      await this.#cluster.start();
      const owners = await this.#parts.engine.scheduleOwners();
      await this.#logged(() => this.#compareOwn(owners.includes(this.#parts.nodeId)));
      for (const owner of await this.#goneOf(owners)) await this.#logged(() => this.#takeOver(owner));
    });
    this.#checkOverdue();
  }

  /** Those that are not alive, as far as is known just now. */
  async #goneOf(owners: readonly string[]): Promise<string[]> {
    const { membership } = this.#cluster;
    const isGone = (owner: string) => !membership.isAlive(owner);
    // One of them may have come a moment ago.
    if (owners.some(isGone)) await membership.refresh();
    return owners.filter(isGone);
  }

  /** What is ours by the engine, and what is by the streams of actors here: both are made the same. */
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

  /** From before a restart, or of actors that could not be loaded, or that do not tick. */
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

  /** Loads their actors. One that takes very long to load, and so waits, does not hold up others. */
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

  /** @param unstored its version at the last sweep, if it was beyond the end of the stream. */
  async #removeUnlessStarting(role: TickingActor, schedule: TickSchedule, unstored: number | undefined): Promise<void> {
    if (!role.alive || role.isStarting) return;
    const { streamId, since } = schedule;
    if (since > role.version) {
      // Somebody is about to start it, or has failed to. In the second case nothing has changed at the next sweep.
      const isSame = unstored === since && (await this.#parts.engine.streamVersion(streamId)) === role.version;
      if (!isSame) this.#unstored.set(role.key, since);
      if (!isSame || !role.alive || role.needsOwner || role.isStarting) return;
    }
    role.setOwned(false);
    await this.#writes.remove({ ...schedule, since: Math.max(since, role.version) });
  }

  /** Somebody else is to make these tick, and does not: is there a schedule at all? */
  #checkOverdue(): void {
    const { heartbeatTimeoutMs } = this.#parts.limits;
    for (const role of this.#ticking.values()) {
      if (!role.owned && role.overdueMs > heartbeatTimeoutMs) this.check(role, true);
    }
  }

  #couldNot({ actor, id }: TickSchedule, error: unknown): void {
    if (this.#stopped) return;
    this.#parts.log.error(`${actor} '${id}' ticks no more: it can't be loaded; it is tried again`, error);
  }

  #warnOf(actor: string): void {
    if (this.#warnedOf.has(actor) || this.#warnedOf.size === WARNED_MAX) return;
    this.#warnedOf.add(actor);
    this.#parts.log.error(
      `'${actor}' ticks, but this node has no TickActor of that name: all nodes of one store must register the same actors`,
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
      this.#parts.log.warn('tick schedules could not be looked after; they are looked at again', error);
    }
  }
}

/** How often schedules are compared with what streams say, and those without a living owner are looked for. Milliseconds. */
const SWEEP_MS = 5_000;
/** Until then all classes of an application have registered. Milliseconds. */
const FIRST_SWEEP_AFTER_MS = 50;
/** How long after a start elsewhere it is made sure that somebody owns the schedule. Milliseconds. */
const CHECK_AFTER_MS = 1_000;
/** Most schedules taken over in one call. */
const TAKE_MAX = 256;
/** Most actors that are being loaded for their schedules; past that no more are taken over. */
const LOADING_MAX = 1_024;
/** How long loading them holds up what else is to be looked after. Milliseconds. */
const LOADING_WAIT_MS = 2_000;
/** Most classes that it is remembered of that they are not known here. */
const WARNED_MAX = 1_000;

type Activate = (actor: string, id: string) => Promise<TickingActor | undefined>;
