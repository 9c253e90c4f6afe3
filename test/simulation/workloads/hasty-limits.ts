import type { SimulationOptions } from 'omniscient-nest/testing';

/** Short waits and small limits, so that much happens in little time; other ones for each seed. */
export const hastyLimits = ((random) => ({
  heartbeatTimeoutMs: random.pick([600, 1_000, 2_000]),
  leaderTimeoutMs: random.pick([700, 1_500, 3_000]),
  commitTimeoutMs: random.pick([500, 3_000]),
  passivateAfterMs: random.pick([50, 700, 60_000, 60_000]),
  residentMax: random.pick([2, 6, 1_000]),
  snapshotEvery: random.pick([0, 2, 5, 20]),
  shutdownTimeoutMs: 2_000,
})) satisfies SimulationOptions['limits'];
