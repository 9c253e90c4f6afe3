/** One figure: how fast we were, how fast the bare driver was at the same in the same run. Fields that a benchmark adds explain themselves. */
export interface Figure {
  readonly bench: string;
  readonly n: number;
  readonly perSecond: number;
  readonly floorPerSecond: number;
  readonly ratio: number;
  readonly [more: string]: string | number;
}

/** Writes a figure to standard output, as one line of JSON, with the most memory this process ever had. */
export function report(figure: Figure): void {
  const peakRssMb = Math.round(process.resourceUsage().maxRSS / 1024);
  process.stdout.write(`${JSON.stringify({ ...figure, peakRssMb })}\n`);
}

/** Everything that is not a figure. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** How many per second, from a count and a time. */
export function perSecond(n: number, ms: number): number {
  return Math.round((n / ms) * 1_000);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return Math.round(value * 1_000) / 1_000;
}

/** Runs both in turn, floor first, several times, and gives the median speed of each: what slows the machine down slows both. */
export async function compare(
  rounds: number,
  n: number,
  floor: () => Promise<number>,
  ours: () => Promise<number>,
): Promise<{ perSecond: number; floorPerSecond: number; ratio: number }> {
  const [floors, own]: [number[], number[]] = [[], []];
  for (let round = 1; round <= rounds; round += 1) {
    floors.push(perSecond(n, await floor()));
    own.push(perSecond(n, await ours()));
    say(`round ${round} of ${rounds}: ${own.at(-1)} a second; the bare driver ${floors.at(-1)}`);
  }
  const [a, b] = [median(own), median(floors)];
  return { perSecond: a, floorPerSecond: b, ratio: ratioOf(a, b) };
}

export function ratioOf(a: number, b: number): number {
  return Math.round((a / b) * 1_000) / 1_000;
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => unknown): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}
