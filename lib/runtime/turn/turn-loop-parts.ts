import type { OptimisticState } from '../../kernel/folding/optimistic-state.js';
import type { Commit } from '../commit/commit.js';
import type { CommitPipeline } from '../commit/commit-pipeline.js';
import type { RuntimeParts } from '../parts/settings.js';
import type { Turn } from './turn.js';

/** The parts that a `TurnLoop` works with. */
export interface TurnLoopParts {
  readonly label: string;
  readonly runtime: RuntimeParts;
  readonly actor: object;
  readonly state: OptimisticState<Commit>;
  readonly pipeline: CommitPipeline;
  /** The state changed. */
  readonly changed: () => void;
  /** Work that belongs to the end of a command and to its turn; returns a promise if it takes time. */
  readonly completing: ((turn: Turn) => Promise<void> | undefined) | undefined;
}
