import type { OptimisticState } from '../../kernel/folding/index.js';
import type { Commit, CommitPipeline } from '../commit/index.js';
import type { RuntimeParts } from '../parts/index.js';
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
