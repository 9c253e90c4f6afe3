/** A call that is due at some time. */
export interface ScheduledCall {
  readonly atMs: number;
  /** Decides between two calls at the same time. */
  readonly sequence: number;
  readonly run: () => void;
  /** The process in which it is made, if any. */
  readonly process: CallingProcess | undefined;
  isCancelled: boolean;
}

/** The process in which a call is made. */
export interface CallingProcess {
  readonly isDead: boolean;
  readonly isFrozen: boolean;
  /** Keeps a call while the process is frozen. It is made when the process continues. */
  hold(call: ScheduledCall): void;
}

/** The order in which calls are made. */
export function isBefore(one: ScheduledCall, other: ScheduledCall): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.sequence < other.sequence);
}
