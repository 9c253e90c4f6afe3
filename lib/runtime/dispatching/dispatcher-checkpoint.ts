/** Where the dispatcher of a class stands, as it is written down. */
export interface DispatcherCheckpoint {
  /** Up to where everything is done that whoever led knew of. */
  readonly position: number;
  /** After which position each listener hears: those that were added to the class later begin later, or earlier. */
  readonly since?: PositionByListener;
  /** Listeners that whoever led did not know, as in a rolling deployment, and up to where everything is done for them. */
  readonly behind?: PositionByListener;
}

type PositionByListener = Readonly<Record<string, number>>;

export const NO_CHECKPOINT: DispatcherCheckpoint = { position: 0 };

/** A listener that begins, and after which position it hears. */
export interface Beginning {
  readonly name: string;
  readonly after: number;
}

/** Where it stands once these have begun too. */
export function withBegun(
  place: DispatcherCheckpoint,
  isNew: boolean,
  added: readonly Beginning[],
  last: number,
): DispatcherCheckpoint {
  const begun = Object.fromEntries(added.map(({ name, after }) => [name, after]));
  // Those that were there before have heard everything up to here, also if one that is new makes it go back.
  const known = heardUpTo(place);
  const position = Math.min(isNew ? last : place.position, ...Object.values(begun));
  return { ...place, position, since: { ...known, ...begun } };
}

/**
 * Where it goes on when somebody leads whose code has the listeners of these names. What others did while they led without knowing one of them is gone back
 * to for that one; and of those that are unknown here it is remembered how far they are, so that nothing is behind them when somebody who knows them leads.
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

/** Up to where each listener has heard, the shared position included. */
function heardUpTo({ position, since = {} }: DispatcherCheckpoint): Record<string, number> {
  return Object.fromEntries(Object.entries(since).map(([name, after]) => [name, Math.max(after, position)]));
}
