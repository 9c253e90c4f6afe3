/** The stored checkpoint of a class's dispatcher. */
export interface DispatcherCheckpoint {
  /** The position up to which everything is done that the leader knew about. */
  readonly position: number;
  /**
   * The position after which each listener gets events. A listener that was added to the class later has a later one,
   * or an earlier one.
   */
  readonly since?: PositionByListener;
  /**
   * Listeners that the leader did not know, as in a rolling deployment, each with the position up to which its events
   * are done.
   */
  readonly behind?: PositionByListener;
}

type PositionByListener = Readonly<Record<string, number>>;

export const NO_CHECKPOINT: DispatcherCheckpoint = { position: 0 };

/** A listener that begins, and the position after which it gets events. */
export interface Beginning {
  readonly name: string;
  readonly after: number;
}

/** The checkpoint once these have begun too. */
export function withBegun(
  place: DispatcherCheckpoint,
  isNew: boolean,
  added: readonly Beginning[],
  last: number,
): DispatcherCheckpoint {
  const begun = Object.fromEntries(added.map(({ name, after }) => [name, after]));
  // The existing listeners have handled everything up to here, even if a new one makes the dispatcher go back.
  const known = heardUpTo(place);
  const position = Math.min(isNew ? last : place.position, ...Object.values(begun));
  return { ...place, position, since: { ...known, ...begun } };
}

/**
 * The checkpoint with which a leader continues whose code has the listeners of these names. If a former leader did not
 * know one of them, dispatching goes back to where that one stopped. For listeners that are unknown here, the
 * checkpoint records how far they are, so that a later leader that knows them misses nothing.
 */
export function takenOver(place: DispatcherCheckpoint, names: ReadonlySet<string>): Required<DispatcherCheckpoint> {
  const reached = heardUpTo(place);
  const since: Record<string, number> = {};
  const behind: Record<string, number> = {};
  let { position } = place;
  for (const [name, after] of Object.entries(reached)) {
    const left = place.behind?.[name] ?? after;
    if (names.has(name)) {
      since[name] = left;
      if (place.behind?.[name] !== undefined) position = Math.min(position, left);
    } else {
      since[name] = after;
      behind[name] = left;
    }
  }
  return { position, since, behind };
}

/** How far each listener has heard, the shared position included. */
function heardUpTo({ position, since = {} }: DispatcherCheckpoint): Record<string, number> {
  return Object.fromEntries(Object.entries(since).map(([name, after]) => [name, Math.max(after, position)]));
}
