import type { Prefixes } from '../kernel/prefixes.js';
import type { Cluster } from './cluster/cluster.js';
import type { RuntimeParts } from './settings.js';
import type { TickScheduler } from './ticks/tick-scheduler.js';
import type { UnknownEvents } from './unknown-events.js';

/** What activations find on their node. */
export interface NodeParts extends RuntimeParts {
  readonly cluster: Cluster;
  readonly ticks: TickScheduler;
  readonly unknownEvents: UnknownEvents;
  /** Which streams are whose. */
  readonly prefixes: Prefixes;
}
