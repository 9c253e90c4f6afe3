import type { OptimisticState } from '../../kernel/folding/optimistic-state.js';
import type { Commit } from '../commit/commit.js';
import type { CommitPipeline } from '../commit/commit-pipeline.js';
import type { RuntimeParts } from '../parts/settings.js';
import type { Turn } from './turn.js';

/** What a `TurnLoop` works on. */
export interface TurnLoopParts {
  readonly label: string;
  readonly runtime: RuntimeParts;
  readonly actor: object;
  readonly state: OptimisticState<Commit>;
  readonly pipeline: CommitPipeline;
  /** The state changed. */
  readonly changed: () => void;
  /** What a command's end brings with it, as a part of its turn; a promise if that takes time. */
  readonly completing: ((turn: Turn) => Promise<void> | undefined) | undefined;
}
