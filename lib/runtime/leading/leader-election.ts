import { Observable } from 'rxjs';
import { NAME_LENGTH_MAX } from '../../kernel/defining/option-checks.js';
import { InvalidIdError } from '../../kernel/values/errors.js';
import { nameFault } from '../../kernel/values/ids.js';
import { shownText, textFault } from '../../kernel/values/text.js';
import type { Cluster } from '../cluster/cluster.js';
import type { RuntimeParts } from '../parts/settings.js';
import { subscribersContext } from '../turn/turn.js';
import { Candidacy, type LeaderTask } from './candidacy.js';

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
    const fault = textFault(name, NAME_LENGTH_MAX);
    if (fault !== undefined) throw invalidElection(name, fault);
    return new Observable((subscriber) => {
      const candidacy = this.#candidacy(name, undefined);
      const context = subscribersContext();
      candidacy.onLeader = (nodeId) => context.runInAsyncScope(() => subscriber.next(nodeId));
      candidacy.onError = (error) => context.runInAsyncScope(() => subscriber.error(error));
      candidacy.onStopped = () => context.runInAsyncScope(() => subscriber.complete());
      const release = this.#parts.environment.keepAlive();
      candidacy.start();
      return () => {
        release();
        void this.#end(candidacy);
      };
    });
  }

  /**
   * Stands for election, and runs `task` each time this node is elected. A task that ends is over for that leadership; one that throws is logged, and run
   * again after a growing wait while the node still leads.
   *
   * @returns a function that gives up: aborts the task, and lets another node lead at once.
   * @throws InvalidIdError when the name can't be stored, or begins with `$`.
   */
  whenLeader(name: string, task: LeaderTask): () => Promise<void> {
    const fault = nameFault(name, NAME_LENGTH_MAX);
    if (fault !== undefined) throw invalidElection(name, fault);
    return this.standFor(name, task);
  }

  /** The same for the library's own elections, whose names begin with `$`. @internal */
  standFor(name: string, task: LeaderTask): () => Promise<void> {
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
    const what = { name, streamId: `${STREAM_PREFIX}${name}`, task };
    const candidacy = new Candidacy(what, this.#parts, this.#cluster);
    this.#candidacies.add(candidacy);
    return candidacy;
  }

  async #end(candidacy: Candidacy): Promise<void> {
    if (this.#candidacies.delete(candidacy)) await candidacy.stop();
  }
}

/** Streams of elections begin with this. */
const STREAM_PREFIX = '$election-';

function invalidElection(name: unknown, fault: string): InvalidIdError {
  return new InvalidIdError(`the name of an election ${shownText(name)} ${fault}: choose another`);
}
