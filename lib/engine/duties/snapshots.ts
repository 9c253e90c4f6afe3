/** Memoised state of one actor class on one stream. Only a cache: it may vanish at any time. */
export interface SnapshotRecord {
  readonly streamId: string;
  /** Name of the actor class. */
  readonly actor: string;
  /** Fingerprint of the class's handlers, `initialState` and `revision`: a snapshot with another one is never used. */
  readonly fingerprint: string;
  /** The stream's version that the state stands for. */
  readonly version: number;
  /** Id of the event at `version`, so that a snapshot of a stream that was since restored to another past is found out. */
  readonly eventId: string;
  /** The state as JSON text. */
  readonly state: string;
  /** Hash over all of the above, made and checked by the runtime. */
  readonly checksum: string;
}

/** An engine keeps one snapshot for each class and stream, and may lose it: snapshots only save time. */
export interface SnapshotDuty {
  /** The one snapshot kept for this class and stream, as it was saved; `undefined` if there is none. Never throws because of its content. */
  loadSnapshot(streamId: string, actor: string): Promise<SnapshotRecord | undefined>;
  /** Replaces the one kept, unless that one has the same fingerprint and a higher version. */
  saveSnapshot(snapshot: SnapshotRecord): Promise<void>;
  /** Throws all away, or one stream's. */
  deleteSnapshots(streamId?: string): Promise<void>;
}
