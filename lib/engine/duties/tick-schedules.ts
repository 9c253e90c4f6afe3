/** An actor that ticks, and the node that makes it tick. One for each stream and actor class. */
export interface TickSchedule {
  readonly streamId: string;
  /** Name of the actor class. */
  readonly actor: string;
  /** The id the actor is asked for by: the stream's without the class's prefix. */
  readonly id: string;
  /** Id of the owning node. */
  readonly owner: string;
  /**
   * A version of the stream. Of a schedule that is kept or added: the actor ticks as of this version, or will. Of one to be removed: it does not as of this
   * version. So writes of one schedule may land in any order: the one that knew more of the stream wins.
   */
  readonly since: number;
}

/** Most schedules that one call takes, or gives back. */
export const SCHEDULES_MAX = 1_000;

/**
 * Who makes which actor tick. Only an index: whether and how an actor ticks is said by its stream. Durable like an append, so that an actor
 * ticks on after every node was down.
 */
export interface TickDuty {
  /**
   * Keeps these; where there is one for the same stream and actor already, that one stays, with the higher `since` of the two. Gives what is kept now, in the
   * order given.
   */
  addSchedules(schedules: readonly TickSchedule[]): Promise<TickSchedule[]>;
  /** Removes these, except those that have another owner by now, or a higher `since`. */
  removeSchedules(schedules: readonly TickSchedule[]): Promise<void>;
  /** Up to `limit` schedules of this owner, after that of `after` in an order of the engine's own that never changes. */
  schedulesOf(owner: string, limit: number, after?: TickSchedule): Promise<TickSchedule[]>;
  /** Every node that owns a schedule. */
  scheduleOwners(): Promise<string[]>;
  /** Makes `to` the owner of up to `limit` schedules of `from`, each of which only one of several callers gets; gives those that it got. */
  takeSchedules(from: string, to: string, limit: number): Promise<TickSchedule[]>;
}
