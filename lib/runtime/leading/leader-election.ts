import { Observable } from 'rxjs';
import { NAME_LENGTH_MAX } from '../../kernel/defining/index.js';
import { InvalidIdError, nameFault, shownText, textFault } from '../../kernel/values/index.js';
import type { Cluster } from '../cluster/index.js';
import type { RuntimeParts } from '../parts/index.js';
import { subscribersContext } from '../turn/index.js';
import { Candidacy, type LeaderTask } from './candidacy.js';

/**
 * Elects one node for a purpose of your own: a nightly job, a poller, a connection that may exist only once. At rest it
 * costs nothing but the node's heartbeat.
 *
 * For a short time two nodes may both believe that they lead, for instance if one was frozen and has not noticed yet.
 * If something must never happen twice, the store that it writes to has to guard against that, as a `OneActor` guards
 * its stream.
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

  /**
   * Observes who leads. It does not become a candidate.
   *
   * @param name the election's name, of 1 to 200 characters.
   * @returns an observable of the leader's `nodeId`, now and after each change; `undefined` while nobody leads. It
   *   completes when the node shuts down.
   * @throws InvalidIdError (`INVALID_ID`) when the name cannot be stored.
   */
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
   * Stands for election, and runs `task` each time this node is elected. A task that ends is over for that leadership.
   * A task that throws is logged, and runs again after a growing wait while the node still leads.
   *
   * @param name the election's name, of 1 to 200 characters.
   * @param task gets a signal that is aborted when the leadership is lost.
   * @returns a function that gives up: it aborts the task, and lets another node lead at once.
   * @throws InvalidIdError (`INVALID_ID`) when the name cannot be stored, or begins with `$`.
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

  /** The names of the elections that this node has won. */
  get led(): string[] {
    return [...this.#candidacies].flatMap(({ led }) => led ?? []);
  }

  /** Gives up all candidacies; for shutdown. */
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

/** The prefix of the streams of elections. */
const STREAM_PREFIX = '$election-';

function invalidElection(name: unknown, fault: string): InvalidIdError {
  return new InvalidIdError(`the election name ${shownText(name)} ${fault}: choose another name`);
}
