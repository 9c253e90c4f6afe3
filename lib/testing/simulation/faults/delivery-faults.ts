import type { FaultKind } from './fault.js';

const SHARE = [0.1, 0.9] as const;

/** Faults of wake-ups, and of messages between nodes. */
export const DELIVERY_FAULTS = [
  {
    name: 'wake-lost',
    forMs: [100, 4_000],
    share: SHARE,
    onWake(fate) {
      fate.delaysMs = [];
    },
  },
  {
    name: 'wake-late',
    forMs: [200, 4_000],
    share: SHARE,
    onWake(fate, random) {
      const lateMs = random.chance(0.7) ? random.between(0, 30) : random.between(0, 400);
      fate.delaysMs = fate.delaysMs.map((ms) => ms + lateMs);
    },
  },
  {
    name: 'wake-repeated',
    forMs: [200, 4_000],
    share: SHARE,
    onWake(fate, random) {
      const first = fate.delaysMs[0];
      if (first !== undefined) fate.delaysMs.push(first + random.between(0, 200));
    },
  },
  {
    name: 'wake-disordered',
    forMs: [200, 4_000],
    share: SHARE,
    onWake(fate, random) {
      fate.hint = 'disordered';
      fate.delaysMs = fate.delaysMs.map((ms) => ms + random.between(0, 15));
    },
  },
  {
    name: 'wake-empty',
    forMs: [500, 8_000],
    share: SHARE,
    onWake(fate) {
      fate.hint = 'none';
    },
  },
  {
    name: 'wake-partial',
    forMs: [200, 4_000],
    share: SHARE,
    onWake(fate) {
      fate.hint = 'some';
    },
  },
  {
    name: 'message-lost',
    forMs: [200, 4_000],
    share: [0.1, 0.6],
    onMessage(fate) {
      fate.isLost = true;
    },
  },
  {
    name: 'message-doubled',
    forMs: [200, 5_000],
    share: SHARE,
    onMessage(fate, random) {
      fate.againAfterMs = random.chance(0.8) ? random.between(0, 500) : random.between(0, 5_000);
    },
  },
  {
    name: 'message-late',
    forMs: [500, 6_000],
    share: [0.02, 0.3],
    onMessage(fate, random) {
      fate.stallMs = random.chance(0.9) ? random.between(100, 6_000) : random.between(1_000, 60_000);
    },
  },
] as const satisfies readonly FaultKind[];
