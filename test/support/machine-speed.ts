import { availableParallelism, loadavg } from 'node:os';

/** Past this nobody can tell slow from never. */
const SLOWDOWN_MAX = 6;

/** How many times longer things may take than on a machine that does nothing else: processes that want to run, for each processor, in the last minute. */
export function slowdown(): number {
  const [ofLastMinute] = loadavg();
  return Math.min(SLOWDOWN_MAX, Math.max(1, (ofLastMinute as number) / availableParallelism()));
}

/**
 * How long to wait for what takes less than `ms` on a quiet machine, before it counts as something that never comes. Generous, because who waits for a
 * condition loses no time by it.
 */
export function patientMs(ms: number): number {
  return 3 * ms * slowdown();
}
