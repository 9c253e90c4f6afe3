/** An actor that ticks, and the node that makes it tick. There is one for each stream and actor class. */
export interface TickSchedule {
  readonly streamId: string;
  /** The name of the actor class. */
  readonly actor: string;
  /** The id by which users get the actor: the stream's id without the class's prefix. */
  readonly id: string;
  /** The id of the owning node. */
  readonly owner: string;
  /**
   * The stream's version that this is known from. A schedule that is added says: as of this version, the actor ticks or
   * will tick. One that is removed says: as of this version, it does not. So writes of one schedule may land in any
   * order: the one with the higher version wins.
   */
  readonly since: number;
}

/** Most schedules that one call takes or gives back. */
export const SCHEDULES_MAX = 1_000;

/**
 * The tick duty of an engine: it keeps which node makes which actor tick. This is only an index: the stream says
 * whether and how an actor ticks. It is durable like an append, so that actors go on ticking after all nodes were down.
 */
export interface TickDuty {
  /**
   * Adds schedules. If there already is one for the same stream and actor, it stays, with the higher `since` of the
   * two. Resolves to the schedules that are kept now, in the order given.
   *
   * @throws EngineError.
   */
  addSchedules(schedules: readonly TickSchedule[]): Promise<TickSchedule[]>;
  /** Removes schedules, except those that have another owner by now, or a higher `since`. @throws EngineError. */
  removeSchedules(schedules: readonly TickSchedule[]): Promise<void>;
  /**
   * Resolves to up to `limit` schedules of this owner that come after `after`. The order is the engine's own and never
   * changes.
   *
   * @throws EngineError.
   */
  schedulesOf(owner: string, limit: number, after?: TickSchedule): Promise<TickSchedule[]>;
  /** Resolves to the ids of all nodes that own a schedule. @throws EngineError. */
  scheduleOwners(): Promise<string[]>;
  /**
   * Makes `to` the owner of up to `limit` schedules of `from`, and resolves to those. If several nodes call this at
   * once, only one of them gets each schedule.
   *
   * @throws EngineError.
   */
  takeSchedules(from: string, to: string, limit: number): Promise<TickSchedule[]>;
}
