/** Somebody who works through the store: a projection, or the listeners of a class whom events call into life. */
export interface Consumer {
  readonly name: string;
  /** Position up to which everything is done, as far as it is written down. */
  position(): Promise<number>;
}
