import { Observable } from 'rxjs';
import { checkedStreamId } from '../../kernel/ids.js';
import type { RuntimeParts } from '../settings.js';
import { Candidacy } from './candidacy.js';
import type { Cluster } from './cluster.js';

/** Streams of elections begin with this. */
const STREAM_PREFIX = '$election-';

/** Something to do while leading; `signal` is aborted when the leadership is lost. */
export type LeaderTask = (signal: AbortSignal) => void | Promise<void>;

/**
 * Elects one node for a purpose of your own: a nightly job, a poller, a connection that may exist only once. Costs nothing at rest but the node's
 * heartbeat. For a short time two nodes may both believe that they lead (one was frozen and has not noticed yet): what must never happen twice has to be
 * guarded by what it writes to, as a `OneActor` guards its stream.
 *
 * @example
 * ```ts
 * import { Injectable } from '@nestjs/common';
 * import { LeaderElection } from 'omniscient-nest';
 *
 * @Injectable()
 * export class Mailer {
 *   constructor(elections: LeaderElection) {
 *     elections.whenLeader('mailer', async (signal) => {
 *       while (!signal.aborted) await this.sendNextBatch();
 *     });
 *   }
 *
 *   async sendNextBatch(): Promise<void> {}
 * }
 * ```
 */
export class LeaderElection {
  readonly #parts: RuntimeParts;
  readonly #cluster: Cluster;
  readonly #candidacies = new Set<Candidacy>();

  constructor(parts: RuntimeParts, cluster: Cluster) {
    this.#parts = parts;
    this.#cluster = cluster;
  }

  /** The `nodeId` of whoever leads, now and whenever that changes; `undefined` while nobody does. Looking is no candidacy. */
  leader$(name: string): Observable<string | undefined> {
    return new Observable((subscriber) => {
      const candidacy = this.#candidacy(name, undefined);
      candidacy.onLeader = (nodeId) => subscriber.next(nodeId);
      candidacy.onError = (error) => subscriber.error(error);
      candidacy.onStopped = () => subscriber.complete();
      candidacy.start();
      return () => void this.#end(candidacy);
    });
  }

  /**
   * Stands for election, and runs `task` each time this node is elected. A task that ends is over for that leadership; one that throws is logged, and run
   * again after a growing wait while the node still leads.
   *
   * @returns a function that gives up: aborts the task, and lets another node lead at once.
   */
  whenLeader(name: string, task: LeaderTask): () => Promise<void> {
    const candidacy = this.#candidacy(name, task);
    candidacy.start();
    return () => this.#end(candidacy);
  }

  /** What this node has been elected for. */
  get led(): string[] {
    return [...this.#candidacies].flatMap(({ led }) => led ?? []);
  }

  /** Gives up everything; for shutdown. */
  async resignAll(): Promise<void> {
    await Promise.all([...this.#candidacies].map((candidacy) => this.#end(candidacy)));
  }

  #candidacy(name: string, task: LeaderTask | undefined): Candidacy {
    const streamId = checkedStreamId(`${STREAM_PREFIX}${checkedStreamId(name)}`);
    const candidacy = new Candidacy({ name, streamId, task }, this.#parts, this.#cluster);
    this.#candidacies.add(candidacy);
    return candidacy;
  }

  async #end(candidacy: Candidacy): Promise<void> {
    if (this.#candidacies.delete(candidacy)) await candidacy.stop();
  }
}
