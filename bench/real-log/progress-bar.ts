const WIDTH = 40;
/** Between two drawings. */
const DRAW_MS = 100;

/** A bar on standard error; one line at the end where there is no terminal. */
export class ProgressBar {
  #drawnMs = 0;

  constructor(
    private readonly what: string,
    private readonly total: number,
  ) {}

  update(done: number): void {
    const nowMs = performance.now();
    if (done < this.total && nowMs - this.#drawnMs < DRAW_MS) return;
    this.#drawnMs = nowMs;
    if (process.stderr.isTTY) process.stderr.write(`\r${this.#line(done)}`);
  }

  end(done: number): void {
    process.stderr.write(process.stderr.isTTY ? `\r${this.#line(done)}\n` : `${this.#line(done)}\n`);
  }

  #line(done: number): string {
    const share = this.total === 0 ? 1 : Math.min(1, done / this.total);
    const filled = Math.round(share * WIDTH);
    return `${this.what} [${'='.repeat(filled)}${' '.repeat(WIDTH - filled)}] ${(100 * share).toFixed(0)} % (${done})`;
  }
}
