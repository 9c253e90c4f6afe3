/** The stored state of one actor class on one stream. It is only a cache and may vanish at any time. */
export interface SnapshotRecord {
  readonly streamId: string;
  /** The name of the actor class. */
  readonly actor: string;
  /**
   * A fingerprint of the class's handlers, `initialState` and `revision`. A snapshot with another fingerprint is never
   * used.
   */
  readonly fingerprint: string;
  /** The stream's version at this state. */
  readonly version: number;
  /** The id of the event at `version`. It reveals a snapshot of a stream that was since restored to another past. */
  readonly eventId: string;
  /** The state as JSON text. */
  readonly state: string;
  /** A hash over all of the above. The runtime makes it and checks it. */
  readonly checksum: string;
}

/**
 * The snapshot duty of an engine: it keeps one snapshot for each class and stream. It may lose them: snapshots only
 * save time.
 */
export interface SnapshotDuty {
  /**
   * Resolves to the snapshot kept for this class and stream, as it was saved; `undefined` if there is none. It never
   * throws because of the content.
   */
  loadSnapshot(streamId: string, actor: string): Promise<SnapshotRecord | undefined>;
  /** Replaces the snapshot kept, unless that one has the same fingerprint and a higher version. */
  saveSnapshot(snapshot: SnapshotRecord): Promise<void>;
  /** Deletes the snapshots of one stream, or all snapshots. */
  deleteSnapshots(streamId?: string): Promise<void>;
}
