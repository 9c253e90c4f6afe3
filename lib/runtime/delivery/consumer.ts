/** A consumer of the store: a projection, or the dispatcher of a class. */
export interface Consumer {
  readonly name: string;
  /** The position up to which everything is done, according to the stored checkpoint. */
  position(): Promise<number>;
}
