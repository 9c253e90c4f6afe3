/** How far a consumer has worked through the store. */
export interface Checkpoint {
  /** 1, 2, 3 …: it grows by one with every save. */
  readonly revision: number;
  /** Text that belongs to the consumer: its position, as JSON. */
  readonly value: string;
}

/**
 * The checkpoint duty of an engine: it keeps a few values for consumers. A save is durable like an append, and safe
 * when two nodes save at once.
 */
export interface CheckpointDuty {
  /** Resolves to the value that was saved last under this name; `undefined` if none ever was. */
  loadCheckpoint(name: string): Promise<Checkpoint | undefined>;
  /**
   * Saves the value if the stored revision is still `revision` (0: nothing was saved yet). Resolves to whether it was
   * saved. If the answer of a save was lost, a second try may resolve to `false` although the first one succeeded: the
   * caller has to load the checkpoint and compare.
   *
   * @throws EngineError.
   */
  saveCheckpoint(name: string, revision: number, value: string): Promise<boolean>;
}
