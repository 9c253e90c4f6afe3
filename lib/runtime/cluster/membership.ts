import type { NodeRecord } from '../../engine/duties/index.js';
import { CoalescedWork, type Timer } from '../../engine/environment/index.js';
import type { RuntimeParts } from '../parts/index.js';
import { NodeClocks } from './node-clocks.js';

/**
 * Which nodes are alive. Each node writes a heartbeat. A node whose heartbeat another has not seen change for `heartbeatTimeoutMs` is dead to that one. Time is
 * measured on the observer's monotonic clock, and only while it checks: a node that was frozen itself considers nobody dead when it comes back. (A failure
 * detector by time-out: Chandra and Toueg, "Unreliable Failure Detectors for Reliable Distributed Systems", 1996. It may be wrong about a node, so correctness
 * never depends on it.)
 */
export class Membership {
  readonly incarnation: string;
  /** How far the nodes' clocks are apart. */
  readonly clocks: NodeClocks;
  readonly #parts: RuntimeParts;
  readonly #timeoutMs: number;
  readonly #others = new Map<string, Neighbour>();
  readonly #goneSinceMs = new Map<string, number>();
  readonly #listeners = new Set<(nodeId: string) => void>();
  readonly #suspectListeners = new Set<(nodeId: string) => void>();
  readonly #forgottenListeners = new Set<(nodeId: string) => void>();
  #beats = 0;
  /** `undefined` until it joins. A node that needs no others writes no heartbeats. */
  #lastBeatAtMs: number | undefined;
  /** How far our clock was ahead of our monotonic one in the last heartbeat. */
  #announcedAheadMs = 0;
  #lastLookAtMs = 0;
  /** When the last completed check began. What it did not see was written after that. */
  #lastLookFromMs = 0;
  #beatTimer: Timer | undefined;
  #lookTimer: Timer | undefined;
  readonly #looks = new CoalescedWork(() => this.#look());
  #stopped = false;
  #warned = '';

  constructor(parts: RuntimeParts) {
    this.#parts = parts;
    // It does not use the user's ids: whatever those are, each start needs a distinct one.
    this.incarnation = parts.environment.uuid();
    this.#timeoutMs = parts.limits.heartbeatTimeoutMs;
    this.clocks = new NodeClocks(this.#timeoutMs * CLOCK_DELAY_SHARE);
  }

  /** Resolves when this node and the others know each other. @throws EngineError. */
  async start(): Promise<void> {
    this.#lastBeatAtMs ??= this.#parts.environment.monotonicMs();
    await this.#beat();
    await this.#looks.run();
    this.#beatLater();
    this.#lookLater();
  }

  isAlive(nodeId: string): boolean {
    if (nodeId === this.#parts.nodeId) return true;
    const other = this.#others.get(nodeId);
    return other !== undefined && !other.gone;
  }

  /** When it was last found to be gone, on our monotonic clock; minus infinity if never. */
  goneSinceMs(nodeId: string): number {
    return this.#goneSinceMs.get(nodeId) ?? Number.NEGATIVE_INFINITY;
  }

  /** Writes a heartbeat at once if our clock was set since the last one, so that the others can interpret what we write from now on. @throws EngineError. */
  async tellClock(): Promise<void> {
    const { clock, environment } = this.#parts;
    const aheadMs = clock.now() - environment.monotonicMs();
    if (Math.abs(aheadMs - this.#announcedAheadMs) > CLOCK_SET_MS_MIN) await this.#beat();
  }

  /** The other nodes that are alive. */
  alive(): string[] {
    return [...this.#others].filter(([, { gone }]) => !gone).map(([nodeId]) => nodeId);
  }

  incarnationOf(nodeId: string): string | undefined {
    return this.#others.get(nodeId)?.record.incarnation;
  }

  /** Whether this node's own heartbeats have failed for so long that others must consider it dead. */
  get isolated(): boolean {
    return (
      this.#lastBeatAtMs !== undefined && this.#parts.environment.monotonicMs() - this.#lastBeatAtMs > this.#timeoutMs
    );
  }

  /** Calls the listener for every node that died, left, or restarted under its old id. Returns a function that ends this. */
  onGone(listener: (nodeId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Calls the listener, repeatedly, for every node that is not dead yet but has shown no sign of life (heartbeat or message) for three quarters of the
   * time-out.
   */
  onSuspect(listener: (nodeId: string) => void): () => void {
    this.#suspectListeners.add(listener);
    return () => this.#suspectListeners.delete(listener);
  }

  /** Calls the listener for every node that is no longer in the store: it left in order, or has been dead for long. */
  onForgotten(listener: (nodeId: string) => void): () => void {
    this.#forgottenListeners.add(listener);
    return () => this.#forgottenListeners.delete(listener);
  }

  /** A message came from this node. */
  heard(nodeId: string): void {
    const other = this.#others.get(nodeId);
    if (other) other.heardAtMs = this.#parts.environment.monotonicMs();
  }

  /** Checks now, to learn of nodes that joined a moment ago. */
  async refresh(): Promise<void> {
    await this.#looks.run().catch(() => {});
  }

  /** The node itself says that it leaves. */
  left(nodeId: string, incarnation: string): void {
    const other = this.#others.get(nodeId);
    if (other && other.record.incarnation === incarnation) this.#markGone(nodeId, other);
  }

  /** Leaves for good, so the others need not wait for the time-out. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#parts.environment.clearTimeout(this.#beatTimer);
    this.#parts.environment.clearTimeout(this.#lookTimer);
    try {
      await this.#parts.engine.forgetNode(this.#parts.nodeId, this.incarnation);
    } catch (error) {
      this.#parts.log.warn(
        'this node could not announce that it leaves; the others will notice after heartbeatTimeoutMs',
        error,
      );
    }
  }

  async #beat(): Promise<void> {
    const { engine, nodeId, clock, environment } = this.#parts;
    this.#beats += 1;
    const [clockMs, nowMs] = [clock.now(), environment.monotonicMs()];
    this.clocks.read(nodeId, clockMs, nowMs);
    await engine.beat({ nodeId, incarnation: this.incarnation, beat: this.#beats, clockMs });
    this.#announcedAheadMs = clockMs - nowMs;
    this.#lastBeatAtMs = environment.monotonicMs();
  }

  async #look(): Promise<void> {
    const fromMs = this.#parts.environment.monotonicMs();
    const records = await this.#parts.engine.nodes();
    const nowMs = this.#parts.environment.monotonicMs();
    const lookedForMs = Math.min(nowMs - this.#lastLookAtMs, (2 * this.#timeoutMs) / LOOKS_PER_TIMEOUT);
    this.#lastLookAtMs = nowMs;
    // A heartbeat that is new to us may have been written at any time since the last check began.
    const delayMsMax = Math.max(nowMs - this.#lastLookFromMs, this.#timeoutMs * CLOCK_DELAY_SHARE);
    this.#lastLookFromMs = fromMs;
    const seen = new Set<string>();
    for (const record of records) {
      seen.add(record.nodeId);
      if (record.nodeId === this.#parts.nodeId) this.#checkOwn(record);
      else if (this.#see(record, lookedForMs)) this.clocks.read(record.nodeId, record.clockMs, nowMs, delayMsMax);
    }
    for (const [nodeId, other] of this.#others) {
      if (seen.has(nodeId)) continue;
      this.#markGone(nodeId, other);
      this.#others.delete(nodeId);
      for (const listener of [...this.#forgottenListeners]) listener(nodeId);
    }
  }

  /** Records a heartbeat. Returns whether it has changed. */
  #see(record: NodeRecord, lookedForMs: number): boolean {
    const { nodeId } = record;
    const other = this.#others.get(nodeId);
    if (!other) {
      this.#others.set(nodeId, { record, silentMs: 0, heardAtMs: 0, gone: false });
      return false;
    }
    const isNew = other.record.incarnation !== record.incarnation;
    if (isNew) this.#markGone(nodeId, other);
    if (isNew || other.record.beat !== record.beat) {
      // A node that said that it leaves may still have a last heartbeat under way.
      if (isNew || !other.gone || other.silentMs >= this.#timeoutMs) other.gone = false;
      other.record = record;
      other.silentMs = 0;
      return true;
    }
    other.silentMs += lookedForMs;
    if (other.silentMs >= this.#timeoutMs) this.#markGone(nodeId, other);
    else this.#notifyIfSuspect(nodeId, other);
    if (other.silentMs >= this.#timeoutMs * FORGET_AFTER_TIMEOUTS) this.#forget(record);
    return false;
  }

  #notifyIfSuspect(nodeId: string, { gone, silentMs, heardAtMs }: Neighbour): void {
    const suspectMs = Math.min(silentMs, this.#parts.environment.monotonicMs() - heardAtMs);
    if (gone || suspectMs < this.#timeoutMs * SUSPECT_SHARE) return;
    for (const listener of [...this.#suspectListeners]) listener(nodeId);
  }

  #markGone(nodeId: string, other: Neighbour): void {
    if (other.gone) return;
    other.gone = true;
    this.#goneSinceMs.delete(nodeId);
    this.#goneSinceMs.set(nodeId, this.#parts.environment.monotonicMs());
    const [first] = this.#goneSinceMs.keys();
    if (first !== undefined && this.#goneSinceMs.size > GONE_MAX) this.#goneSinceMs.delete(first);
    for (const listener of [...this.#listeners]) listener(nodeId);
  }

  #forget({ nodeId, incarnation }: NodeRecord): void {
    this.#parts.engine.forgetNode(nodeId, incarnation).catch(() => {
      // The next check tries again.
    });
  }

  #checkOwn(record: NodeRecord): void {
    if (record.incarnation === this.incarnation || this.#beats < 2 || this.#stopped) return;
    this.#warnOnce(
      `another process uses the nodeId '${this.#parts.nodeId}' too: give each process a nodeId of its own, or leave the option out`,
      undefined,
    );
  }

  #beatLater(): void {
    this.#beatTimer = this.#later(BEATS_PER_TIMEOUT, () => this.#beat().finally(() => this.#beatLater()));
  }

  #lookLater(): void {
    this.#lookTimer = this.#later(LOOKS_PER_TIMEOUT, () => this.#looks.run().finally(() => this.#lookLater()));
  }

  #later(timesPerTimeout: number, work: () => Promise<void>): Timer | undefined {
    if (this.#stopped) return undefined;
    const timer = this.#parts.environment.setTimeout(() => {
      work().then(
        () => {
          this.#warned = '';
        },
        (error: unknown) => this.#warnOnce('heartbeats could not be written or read; this is retried', error),
      );
    }, this.#timeoutMs / timesPerTimeout);
    return timer.unref();
  }

  #warnOnce(message: string, error: unknown): void {
    if (this.#stopped || this.#warned === message) return;
    this.#warned = message;
    this.#parts.log.warn(message, error);
  }
}

/** How many heartbeats a node writes, and how often it checks the others', within one `heartbeatTimeoutMs`. */
const BEATS_PER_TIMEOUT = 4;
const LOOKS_PER_TIMEOUT = 8;
/** A node without a sign of life for this share of the time-out may still come back, but callers need not wait for its answer. */
const SUSPECT_SHARE = 0.75;
/** A node is forgotten after it has been dead for this many time-outs. */
const FORGET_AFTER_TIMEOUTS = 30;

/** A heartbeat that is read within this share of the time-out measures its node's clock. A later one only shows whether it was set. */
const CLOCK_DELAY_SHARE = 0.5;
/** A clock that differs from elapsed time by less than this was not set. Milliseconds. */
const CLOCK_SET_MS_MIN = 20;

/** How many nodes that are gone are remembered. */
const GONE_MAX = 10_000;

interface Neighbour {
  record: NodeRecord;
  /** How long, by our own clock, its heartbeat has not changed while we were checking. */
  silentMs: number;
  /** When it last sent us a message, by our clock. */
  heardAtMs: number;
  gone: boolean;
}
