import { EngineError } from '../../../kernel/values/index.js';
import type { FaultKind, RequestFate } from './fault.js';

const SHARE = [0.05, 0.6] as const;

/** Faults between a node and the store. */
export const STORE_FAULTS = [
  {
    name: 'append-refused',
    forMs: [100, 3_000],
    share: SHARE,
    concerns: ({ kind }) => kind === 'append',
    onRequest: refuse,
  },
  {
    name: 'append-in-doubt',
    forMs: [100, 3_000],
    share: SHARE,
    concerns: ({ kind }) => kind === 'append',
    onRequest: leaveInDoubt,
  },
  {
    name: 'append-late',
    forMs: [100, 3_000],
    share: SHARE,
    concerns: ({ kind }) => kind === 'append',
    onRequest(fate, random) {
      fate.lateMs = random.chance(0.5) ? random.between(0, 60) : random.between(0, 2_500);
    },
  },
  {
    name: 'read-slow',
    forMs: [200, 4_000],
    share: [0.1, 0.8],
    concerns: ({ kind }) => kind === 'read',
    onRequest(fate, random) {
      fate.backMs += random.chance(0.7) ? random.between(1, 40) : random.between(10, 600);
    },
  },
  {
    name: 'read-failed',
    forMs: [100, 2_000],
    share: SHARE,
    concerns: ({ kind }) => kind === 'read' || kind === 'watch',
    onRequest: refuse,
  },
  {
    name: 'requests-slow',
    forMs: [200, 4_000],
    share: [0.1, 0.8],
    concerns: () => true,
    onRequest(fate, random) {
      fate.thereMs += random.chance(0.8) ? random.between(0, 30) : random.between(10, 500);
      fate.backMs += random.chance(0.8) ? random.between(0, 30) : random.between(10, 500);
    },
  },
  {
    name: 'disk-full',
    forMs: [100, 2_500],
    concerns: ({ writes }) => writes,
    onRequest(fate) {
      const message = 'simulated.db: the disk is full; nothing that was stored is lost: make room (SQLITE_FULL)';
      fate.refusal = new EngineError('DISK_FULL', message, { retryable: true });
    },
  },
  {
    name: 'snapshot-failed',
    forMs: [500, 5_000],
    share: SHARE,
    concerns: ({ kind }) => kind === 'save-snapshot' || kind === 'load-snapshot',
    onRequest: refuse,
  },
  {
    name: 'snapshot-late',
    forMs: [500, 5_000],
    share: SHARE,
    concerns: ({ kind }) => kind === 'save-snapshot',
    onRequest(fate, random) {
      fate.thereMs += random.between(50, 3_000);
    },
  },
  {
    name: 'checkpoint-in-doubt',
    forMs: [500, 5_000],
    share: SHARE,
    concerns: ({ kind }) => kind === 'save-checkpoint',
    onRequest: leaveInDoubt,
  },
  {
    name: 'checkpoint-refused',
    forMs: [200, 3_000],
    share: SHARE,
    concerns: ({ kind }) => kind === 'save-checkpoint' || kind === 'load-checkpoint',
    onRequest: refuse,
  },
  {
    name: 'schedules-disordered',
    forMs: [500, 5_000],
    share: [0.2, 0.8],
    concerns: ({ kind }) => kind === 'schedules',
    onRequest(fate, random) {
      fate.thereMs += random.between(0, 80);
      if (random.chance(0.2)) refuse(fate);
    },
  },
  {
    name: 'positions-late',
    forMs: [50, 1_500],
    begin(_nodes, { untilMs }, store) {
      store.stallLog(untilMs);
    },
  },
] as const satisfies readonly FaultKind[];

function refuse(fate: RequestFate): void {
  const message = 'the simulated store refuses writes at the moment: try again';
  fate.refusal = new EngineError('ENGINE_UNAVAILABLE', message, { retryable: true });
}

function leaveInDoubt(fate: RequestFate): void {
  fate.isInDoubt = true;
}
