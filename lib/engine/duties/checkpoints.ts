/** How far somebody has worked through the store. */
export interface Checkpoint {
  /** 1, 2, 3 …: one more each time it is saved. */
  readonly revision: number;
  /** Whatever its owner keeps in it: a position, as JSON text. */
  readonly value: string;
}

/** Keeps a few values for those who work through the store: durable like an append, and safe from two who write at once. */
export interface CheckpointDuty {
  /** What was saved last under this name; `undefined` if nothing ever was. */
  loadCheckpoint(name: string): Promise<Checkpoint | undefined>;
  /**
   * Saves it if nobody else has since `revision` (0: since ever), and says whether it did. A save whose answer was lost may say `false` when it is made again:
   * whoever gets that loads and looks.
   */
  saveCheckpoint(name: string, revision: number, value: string): Promise<boolean>;
}
