/** Everything that happened in the simulated world, in order. */
export class Trace {
  readonly entries: TraceEntry[] = [];
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  note(who: string, what: string, streamId?: string): void {
    this.entries.push({ atMs: this.#nowMs(), who, what, streamId });
  }

  lines(): string[] {
    return this.entries.map(lineOf);
  }

  /** Returns the last lines that concern these streams, or everybody. */
  tail(streams: readonly string[], linesMax: number): string[] {
    const wanted = new Set(streams);
    const concerned = this.entries.filter(
      ({ streamId }) => wanted.size === 0 || streamId === undefined || wanted.has(streamId),
    );
    const left = concerned.length - linesMax;
    const lines = concerned.slice(-linesMax).map(lineOf);
    return left > 0 ? [`… ${left} lines before that`, ...lines] : lines;
  }
}

/** Stands for the store's log in place of a stream's id. */
export const LOG = '$log';

/** One thing that happened. */
export interface TraceEntry {
  readonly atMs: number;
  /** `n2`, `store`, `client 3` … */
  readonly who: string;
  readonly what: string;
  /** The stream that it concerns; all if there is none. */
  readonly streamId: string | undefined;
}

function lineOf({ atMs, who, what }: TraceEntry): string {
  return `${(atMs / 1_000).toFixed(5).padStart(10)} s  ${who.padEnd(9)} ${what}`;
}
