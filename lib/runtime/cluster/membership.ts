import type { NodeRecord } from '../../engine/duties/nodes.js';
import { CoalescedWork } from '../../engine/environment/coalesced-work.js';
import type { Timer } from '../../engine/environment/environment.js';
import type { RuntimeParts } from '../parts/settings.js';
import { NodeClocks } from './node-clocks.js';

/**
 * Which nodes are alive. Each writes a heartbeat; a node whose heartbeat another has not seen change for `heartbeatTimeoutMs` is dead to that one. Time
 * is measured on the observer's monotonic clock, and only while it looks: a node that was frozen itself holds nobody else for dead when it comes
 * back. (A failure detector by time-out: Chandra and Toueg, "Unreliable Failure Detectors for Reliable Distributed Systems", 1996. It may be wrong
 * about a node; nothing that must be right hangs on it.)
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
  /** `undefined` until it joins: a node that has no need of the others writes no heartbeats. */
  #lastBeatAtMs: number | undefined;
  /** How far our clock was ahead of our monotonic one when the others were told last. */
  #toldAheadMs = 0;
  #lastLookAtMs = 0;
  /** When the last look that ended had begun: what it did not see was written after that. */
  #lastLookFromMs = 0;
  #beatTimer: Timer | undefined;
  #lookTimer: Timer | undefined;
  readonly #looks = new CoalescedWork(() => this.#look());
  #stopped = false;
  #warned = '';

  constructor(parts: RuntimeParts) {
    this.#parts = parts;
    // Not one of the user's ids: whatever those are, another start must not be taken for this one.
    this.incarnation = parts.environment.uuid();
    this.#timeoutMs = parts.limits.heartbeatTimeoutMs;
    this.clocks = new NodeClocks(this.#timeoutMs * CLOCK_DELAY_SHARE_MAX);
  }

  /** Resolves when this node is known to the others, and they to it. @throws EngineError. */
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

  /** When it was last found to be gone, on our monotonic clock; minus infinity if it never was. */
  goneSinceMs(nodeId: string): number {
    return this.#goneSinceMs.get(nodeId) ?? Number.NEGATIVE_INFINITY;
  }

  /** Tells the others at once if our clock was set since they were last told, so that they can read what we write from now on. @throws EngineError. */
  async tellClock(): Promise<void> {
    const { clock, environment } = this.#parts;
    const aheadMs = clock.now() - environment.monotonicMs();
    if (Math.abs(aheadMs - this.#toldAheadMs) > CLOCK_SET_MS_MIN) await this.#beat();
  }

  /** The other nodes that are alive. */
  alive(): string[] {
    return [...this.#others].filter(([, { gone }]) => !gone).map(([nodeId]) => nodeId);
  }

  incarnationOf(nodeId: string): string | undefined {
    return this.#others.get(nodeId)?.record.incarnation;
  }

  /** Whether this node's own heartbeats have failed for so long that others must hold it for dead. */
  get isolated(): boolean {
    return (
      this.#lastBeatAtMs !== undefined && this.#parts.environment.monotonicMs() - this.#lastBeatAtMs > this.#timeoutMs
    );
  }

  /** Hears of every node that died, left, or was started anew under its old id. */
  onGone(listener: (nodeId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Hears, again and again, of every node that is not dead yet and has shown no sign of life for three quarters of the time-out: no heartbeat, no message. */
  onSuspect(listener: (nodeId: string) => void): () => void {
    this.#suspectListeners.add(listener);
    return () => this.#suspectListeners.delete(listener);
  }

  /** Hears of every node that is in the store no more: it ended what it did and left, or has been dead for long. */
  onForgotten(listener: (nodeId: string) => void): () => void {
    this.#forgottenListeners.add(listener);
    return () => this.#forgottenListeners.delete(listener);
  }

  /** A message came from it. */
  heard(nodeId: string): void {
    const other = this.#others.get(nodeId);
    if (other) other.heardAtMs = this.#parts.environment.monotonicMs();
  }

  /** Learns of nodes that came a moment ago. */
  async refresh(): Promise<void> {
    await this.#looks.run().catch(() => {});
  }

  /** It says itself that it leaves. */
  left(nodeId: string, incarnation: string): void {
    const other = this.#others.get(nodeId);
    if (other && other.record.incarnation === incarnation) this.#markGone(nodeId, other);
  }

  /** Leaves for good: the others need not wait for the time-out. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#parts.environment.clearTimeout(this.#beatTimer);
    this.#parts.environment.clearTimeout(this.#lookTimer);
    try {
      await this.#parts.engine.forgetNode(this.#parts.nodeId, this.incarnation);
    } catch (error) {
      this.#parts.log.warn('this node could not say that it leaves; the others will notice by themselves', error);
    }
  }

  async #beat(): Promise<void> {
    const { engine, nodeId, clock, environment } = this.#parts;
    this.#beats += 1;
    const [clockMs, nowMs] = [clock.now(), environment.monotonicMs()];
    this.clocks.read(nodeId, clockMs, nowMs);
    await engine.beat({ nodeId, incarnation: this.incarnation, beat: this.#beats, clockMs });
    this.#toldAheadMs = clockMs - nowMs;
    this.#lastBeatAtMs = environment.monotonicMs();
  }

  async #look(): Promise<void> {
    const fromMs = this.#parts.environment.monotonicMs();
    const records = await this.#parts.engine.nodes();
    const nowMs = this.#parts.environment.monotonicMs();
    const lookedForMs = Math.min(nowMs - this.#lastLookAtMs, (2 * this.#timeoutMs) / LOOKS_PER_TIMEOUT);
    this.#lastLookAtMs = nowMs;
    // A heartbeat that is new to us may have been written at any time since the last look began.
    const isClockRead = nowMs - this.#lastLookFromMs <= this.#timeoutMs * CLOCK_DELAY_SHARE_MAX;
    this.#lastLookFromMs = fromMs;
    const seen = new Set<string>();
    for (const record of records) {
      seen.add(record.nodeId);
      if (record.nodeId === this.#parts.nodeId) this.#checkOwn(record);
      else if (this.#see(record, lookedForMs) && isClockRead) this.clocks.read(record.nodeId, record.clockMs, nowMs);
    }
    for (const [nodeId, other] of this.#others) {
      if (seen.has(nodeId)) continue;
      this.#markGone(nodeId, other);
      this.#others.delete(nodeId);
      for (const listener of [...this.#forgottenListeners]) listener(nodeId);
    }
  }

  /** Whether its heartbeat has changed. */
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
      // One that said it leaves may have a last heartbeat under way.
      if (isNew || !other.gone || other.silentMs >= this.#timeoutMs) other.gone = false;
      other.record = record;
      other.silentMs = 0;
      return true;
    }
    other.silentMs += lookedForMs;
    if (other.silentMs >= this.#timeoutMs) this.#markGone(nodeId, other);
    else this.#tellIfQuiet(nodeId, other);
    if (other.silentMs >= this.#timeoutMs * FORGET_AFTER_TIMEOUTS) this.#forget(record);
    return false;
  }

  #tellIfQuiet(nodeId: string, { gone, silentMs, heardAtMs }: Neighbour): void {
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
      // The next look tries again.
    });
  }

  #checkOwn(record: NodeRecord): void {
    if (record.incarnation === this.incarnation || this.#beats < 2 || this.#stopped) return;
    this.#warnOnce(
      `another process uses the nodeId '${this.#parts.nodeId}' too: give every process one of its own, or leave it out`,
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
        (error: unknown) => this.#warnOnce('heartbeats fail; they are tried again', error),
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

/** Heartbeats a node writes, and looks it takes at the others', within one `heartbeatTimeoutMs`. */
const BEATS_PER_TIMEOUT = 4;
const LOOKS_PER_TIMEOUT = 8;
/** A node that shows no sign of life for this share of the time-out may still come back; whoever waits for an answer from it need not. */
const SUSPECT_SHARE = 0.75;
/** A node that has been dead for so many timeouts is forgotten. */
const FORGET_AFTER_TIMEOUTS = 30;

/** A heartbeat that may be older than this share of the time-out when it is read says too little of its node's clock. */
const CLOCK_DELAY_SHARE_MAX = 0.5;
/** A clock that moved by less, apart from time itself, was not set. Milliseconds. */
const CLOCK_SET_MS_MIN = 20;

/** Most nodes that are remembered for having gone. */
const GONE_MAX = 10_000;

interface Neighbour {
  record: NodeRecord;
  /** For how long, by our own clock, its heartbeat has not changed while we were looking. */
  silentMs: number;
  /** When it last sent us a message, by our clock. */
  heardAtMs: number;
  gone: boolean;
}
