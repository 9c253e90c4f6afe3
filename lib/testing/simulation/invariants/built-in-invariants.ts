import {
  ACKNOWLEDGED_IS_STORED,
  EFFECT_AT_MOST_ONCE,
  EVERY_COMMAND_ENDS,
  REFUSED_IS_NOT_STORED,
} from './command-invariants.js';
import type { BuiltInInvariant } from './invariant.js';
import { REPLICAS_ARE_FOLDS, REPLICAS_CATCH_UP } from './replica-invariants.js';
import { OLD_LEADER_IS_FENCED, REACTIONS_ONCE } from './stream-invariants.js';
import { SOMEBODY_TICKS, TICKS_IN_TIME } from './tick-invariants.js';

/** The rules that must hold in every course, whatever the actors. */
export const BUILT_IN_INVARIANTS: readonly BuiltInInvariant[] = [
  ACKNOWLEDGED_IS_STORED,
  REFUSED_IS_NOT_STORED,
  EFFECT_AT_MOST_ONCE,
  EVERY_COMMAND_ENDS,
  REPLICAS_ARE_FOLDS,
  REPLICAS_CATCH_UP,
  OLD_LEADER_IS_FENCED,
  REACTIONS_ONCE,
  TICKS_IN_TIME,
  SOMEBODY_TICKS,
];
