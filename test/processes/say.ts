import { writeSync } from 'node:fs';

/** How long whoever listens may leave the pipe full. Milliseconds. */
const FULL_MS_MAX = 60_000;

const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes a line to the parent before anything else can happen to this process. The pipe may not block: a parent that is busy leaves it full for a while.
 */
export function say(line: string): void {
  const deadlineMs = performance.now() + FULL_MS_MAX;
  let rest = Buffer.from(`${line}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() > deadlineMs) throw error;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}
