import type { Prefixes } from '../../kernel/defining/index.js';
import type { Cluster } from '../cluster/index.js';
import type { RuntimeParts, UnknownEvents } from '../parts/index.js';
import type { TickScheduler } from '../ticking/index.js';

/** The parts of a node that activations use. */
export interface NodeParts extends RuntimeParts {
  readonly cluster: Cluster;
  readonly ticks: TickScheduler;
  readonly unknownEvents: UnknownEvents;
  /** Which class each stream belongs to. */
  readonly prefixes: Prefixes;
}
