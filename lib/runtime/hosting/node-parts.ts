import type { Prefixes } from '../../kernel/defining/prefixes.js';
import type { Cluster } from '../cluster/cluster.js';
import type { RuntimeParts } from '../parts/settings.js';
import type { UnknownEvents } from '../parts/unknown-events.js';
import type { TickScheduler } from '../ticking/tick-scheduler.js';

/** The parts of a node that activations use. */
export interface NodeParts extends RuntimeParts {
  readonly cluster: Cluster;
  readonly ticks: TickScheduler;
  readonly unknownEvents: UnknownEvents;
  /** Which class each stream belongs to. */
  readonly prefixes: Prefixes;
}
