/** A commit and the place where it is. */
export interface PlacedCommit {
  readonly stream: string;
  readonly first: number;
  readonly count: number;
  readonly names: readonly string[];
  /** Id of its first event: what else may be at its key is somebody else's. */
  readonly event: string;
}

/** Commits that were stored in one go. */
export interface Batch {
  readonly id: string;
  readonly commits: readonly PlacedCommit[];
}

/** An entry: `count` events follow position `id`. */
export interface LogEntry {
  readonly id: number;
  readonly count: number;
  readonly commits: readonly PlacedCommit[];
  readonly batches: readonly string[];
}
