/** What `npm run bench -- NAME` was given. */
export interface BenchOptions {
  /** How many commands, events or actors; each benchmark has a default of its own. */
  readonly n: number | undefined;
  readonly engine: string;
  /** The file a benchmark works on, where it needs one. */
  readonly file: string | undefined;
}
