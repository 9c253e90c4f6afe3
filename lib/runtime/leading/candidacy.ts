import { backoffIn, detached, endsWithin, pause, type Timer } from '../../engine/environment/index.js';
import { StreamFollower } from '../../engine/reading/index.js';
import { FrameworkState, LEADER_EVENT, type Leadership } from '../../kernel/framework/index.js';
import type { EventRecord } from '../../kernel/values/index.js';
import type { Cluster } from '../cluster/index.js';
import { MetadataWriter } from '../events/index.js';
import type { RuntimeParts } from '../parts/index.js';

/** One node's part in one election. It knows who leads and, if it has a task, stands for election. */
export class Candidacy {
  onLeader: (nodeId: string | undefined) => void = () => {};
  onError: (error: unknown) => void = () => {};
  onStopped: () => void = () => {};
  readonly #what: { readonly name: string; readonly streamId: string; readonly task: LeaderTask | undefined };
  readonly #parts: RuntimeParts;
  readonly #cluster: Cluster;
  readonly #stored = new FrameworkState('');
  readonly #metadata: MetadataWriter;
  #version = 0;
  #follower: StreamFollower | undefined;
  /** Whether all past events were read at least once. */
  #caughtUp = false;
  #reportedLeader: string | undefined | null = null;
  #task: Promise<void> | undefined;
  #campaigning = false;
  #leading: AbortController | undefined;
  #ended = false;
  #checkTimer: Timer | undefined;
  #stopListening: (() => void) | undefined;

  constructor(
    what: { name: string; streamId: string; task: LeaderTask | undefined },
    parts: RuntimeParts,
    cluster: Cluster,
  ) {
    this.#what = what;
    this.#parts = parts;
    this.#cluster = cluster;
    this.#metadata = new MetadataWriter(parts.clock, 'LeaderElection', parts.nodeId, cluster.membership.incarnation);
  }

  /** The election's name while this node leads; otherwise `undefined`. */
  get led(): string | undefined {
    return this.#leading && this.#what.name;
  }

  start(): void {
    this.#cluster.start().then(
      () => void this.#begin(),
      (error: unknown) => this.#failed(error),
    );
  }

  /** Gives up the leadership as soon as its task has ended. */
  async stop(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#parts.environment.clearTimeout(this.#checkTimer);
    this.#stopListening?.();
    this.#follower?.stop();
    const led = this.#leading !== undefined;
    this.#lose('it gave up');
    await this.#taskEnded();
    if (led) await this.#append(null).catch(() => {});
    this.onStopped();
  }

  async #begin(): Promise<void> {
    if (this.#ended) return;
    const { engine } = this.#parts;
    this.#stopListening = this.#cluster.membership.onGone(() => this.#look());
    this.#follower = new StreamFollower(engine, this.#what.streamId, {
      after: 0,
      onEvents: (events) => this.#take(events),
      onError: (error) => this.#failed(error),
      environment: this.#parts.environment,
    });
    this.#follower.start();
    const backoff = backoffIn(this.#parts.environment);
    while (!this.#ended && !this.#caughtUp) {
      try {
        const version = await engine.streamVersion(this.#what.streamId);
        this.#caughtUp = version <= this.#version;
      } catch (error) {
        this.#parts.log.warn(`election '${this.#what.name}': the engine does not answer; it is asked again`, error);
      }
      if (!this.#caughtUp) await pause(this.#parts.environment, backoff.nextMs());
    }
    this.#look();
    this.#checkLater();
  }

  #take(events: readonly EventRecord[]): void {
    const fresh = events.filter(({ version }) => version > this.#version);
    this.#version = fresh.at(-1)?.version ?? this.#version;
    this.#stored.applyAll(fresh);
    this.#look();
  }

  /** Checks whether the leader has changed. */
  #look(): void {
    if (!this.#caughtUp || this.#ended) return;
    const { membership } = this.#cluster;
    const written = this.#stored.leader?.nodeId ?? undefined;
    const isOurs = written === this.#parts.nodeId;
    const leader = written !== undefined && membership.isAlive(written) ? written : undefined;
    if (leader !== this.#reportedLeader) {
      this.#reportedLeader = leader;
      detached(() => this.onLeader(leader));
    }
    if (!this.#what.task) return;
    if (isOurs && !membership.isolated) this.#win();
    else this.#lose(isOurs ? 'its heartbeats fail' : `node ${written} leads now`);
    if (leader === undefined) void this.#campaign();
  }

  #win(): void {
    if (this.#leading) return;
    const controller = new AbortController();
    this.#leading = controller;
    const before = this.#taskEnded();
    detached(() => {
      this.#task = before.then(() => this.#runTask(controller.signal));
    });
  }

  /** Waits for the last leadership's task, but not long for one that ignores its signal. */
  async #taskEnded(): Promise<void> {
    if (!this.#task || (await endsWithin(this.#parts.environment, this.#task, TASK_END_MS_MAX))) return;
    this.#parts.log.error(
      `the task of the leader of '${this.#what.name}' did not end within ${TASK_END_MS_MAX} ms after its signal was aborted. ` +
        'It is not waited for any longer, and may ' +
        'still run while another node leads: end the task when its signal is aborted',
    );
  }

  #lose(why: string): void {
    if (!this.#leading) return;
    if (!this.#ended) this.#parts.log.warn(`election '${this.#what.name}': this node no longer leads: ${why}`);
    this.#leading.abort();
    this.#leading = undefined;
  }

  async #runTask(signal: AbortSignal): Promise<void> {
    const backoff = backoffIn(this.#parts.environment);
    while (!signal.aborted) {
      try {
        await this.#what.task?.(signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#parts.log.error(`the task of the leader of '${this.#what.name}' failed; it is run again`, error);
        await this.#pauseUnlessAborted(backoff.nextMs(), signal);
      }
    }
  }

  /** Waits before a failed task runs again. Aborting ends the wait, because somebody may wait for the task to end. */
  #pauseUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        this.#parts.environment.clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = this.#parts.environment.setTimeout(end, ms).unref();
      signal.addEventListener('abort', end);
    });
  }

  async #campaign(): Promise<void> {
    if (this.#campaigning) return;
    this.#campaigning = true;
    const backoff = backoffIn(this.#parts.environment);
    try {
      while (!this.#ended && this.#reportedLeader === undefined) {
        if (await this.#append(this.#parts.nodeId)) return;
        await pause(this.#parts.environment, backoff.nextMs());
      }
    } finally {
      this.#campaigning = false;
    }
  }

  /** Appends the leader of the next term, unless another node was faster. */
  async #append(nodeId: string | null): Promise<boolean> {
    const { engine, ids, log } = this.#parts;
    const { streamId, name } = this.#what;
    const data: Leadership = { nodeId, term: (this.#stored.leader?.term ?? 0) + 1 };
    const expectedVersion = this.#version;
    try {
      const commandId = ids.next();
      const metadata = this.#metadata.write({ commandId, correlationId: commandId, causationId: null, chain: [] });
      const event = { id: ids.next(), name: LEADER_EVENT, data: JSON.stringify(data), metadata };
      const result = await engine.append({ streamId, expectedVersion, events: [event] });
      const events =
        result.kind === 'conflict' ? result.events : [{ ...event, streamId, version: result.version, position: 0 }];
      this.#take(events);
      return result.kind === 'appended';
    } catch (error) {
      // The stream will show whether it was stored.
      log.warn(`election '${name}': the vote could not be stored; it is tried again`, error);
      return false;
    }
  }

  #checkLater(): void {
    if (this.#ended) return;
    this.#checkTimer = this.#parts.environment.setTimeout(() => {
      this.#look();
      this.#checkLater();
    }, this.#parts.limits.heartbeatTimeoutMs / CHECKS_PER_TIMEOUT);
    this.#checkTimer.unref();
  }

  #failed(error: unknown): void {
    if (this.#ended) return;
    this.#lose('its stream cannot be read');
    this.#parts.log.error(
      `election '${this.#what.name}': its stream cannot be read, so this node takes no further part`,
      error,
    );
    this.onError(error);
  }
}

/** How often a leader checks whether others must consider it dead, in each `heartbeatTimeoutMs`. */
const CHECKS_PER_TIMEOUT = 4;

/** How long to wait for the task of a lost leadership before another begins or the node ends. Milliseconds. */
const TASK_END_MS_MAX = 2_000;

/** A task to run while this node leads. `signal` is aborted when the leadership is lost; the task must then end. */
export type LeaderTask = (signal: AbortSignal) => void | Promise<void>;
