import { createHash } from 'node:crypto';
import type { Engine, SnapshotRecord } from '../../engine/duties/index.js';
import type { ActorDefinition } from '../../kernel/defining/index.js';
import type { FrameworkMemory } from '../../kernel/framework/index.js';
import type { RuntimeParts } from '../parts/index.js';
import type { Activation } from './activation.js';

/**
 * Snapshots of one actor class. A snapshot is used only if it is intact (checksum), made by the same code (fingerprint)
 * and based on the events that the stream has now (id of its last event). Any other is ignored.
 */
export class Snapshots {
  readonly every: number;
  readonly #definition: ActorDefinition;
  readonly #parts: RuntimeParts;
  #underWay = 0;
  #initial = '';
  #fingerprint = '';

  constructor(definition: ActorDefinition, parts: RuntimeParts) {
    this.#definition = definition;
    this.#parts = parts;
    this.every = definition.options.snapshotEvery ?? parts.limits.snapshotEvery;
  }

  get engine(): Engine {
    return this.#parts.engine;
  }

  /**
   * A hash of everything that gives past events their meaning. Most classes have one initial state for all ids, so the
   * last hash is kept.
   */
  fingerprintFor(initial: object): string {
    const text = JSON.stringify(initial);
    if (text !== this.#initial || this.#fingerprint === '') {
      this.#initial = text;
      this.#fingerprint = hash(JSON.stringify([MEMORY_FORMAT, this.#definition.kind, this.#definition.meaning, text]));
    }
    return this.#fingerprint;
  }

  /** Loads a usable snapshot of this stream, with its state parsed; `undefined` if there is none. */
  async load(streamId: string, fingerprint: string): Promise<Snapshot | undefined> {
    if (this.every === 0) return undefined;
    try {
      const record = await this.#parts.engine.loadSnapshot(streamId, this.#definition.name);
      if (!record || record.fingerprint !== fingerprint || record.checksum !== checksumOf(record)) return undefined;
      return { record, ...(JSON.parse(record.state) as Memory) };
    } catch (error) {
      this.#parts.log.warn(
        `${this.#definition.name} '${streamId}': the snapshot could not be read; the events are read instead`,
        error,
      );
      return undefined;
    }
  }

  /** Saves a snapshot in the background, if there were enough events since the last one. */
  saveIfDue(activation: Activation): void {
    const { optimistic } = activation;
    if (this.every === 0 || optimistic.version - activation.snapshotVersion < this.every) return;
    if (optimistic.incomplete || this.#underWay >= SAVES_UNDER_WAY_MAX) return;
    activation.snapshotVersion = optimistic.version;
    const memory = { state: optimistic.confirmed(), framework: activation.framework.toJSON() };
    const state = JSON.stringify(memory);
    if (state.length > SNAPSHOT_LENGTH_MAX) return;
    const content = {
      streamId: activation.streamId,
      actor: this.#definition.name,
      fingerprint: activation.fingerprint,
      version: optimistic.version,
      eventId: optimistic.lastEventId,
      state,
    };
    void this.#save({ ...content, checksum: checksumOf(content) });
  }

  async #save(record: SnapshotRecord): Promise<void> {
    this.#underWay += 1;
    try {
      await this.#parts.engine.saveSnapshot(record);
    } catch (error) {
      this.#parts.log.warn(
        `${record.actor} '${record.streamId}': a snapshot could not be saved; loading will take longer, and no data is lost`,
        error,
      );
    } finally {
      this.#underWay -= 1;
    }
  }
}

/** How many snapshots of one class may be on their way to the engine. Beyond that, a snapshot is made later. */
const SAVES_UNDER_WAY_MAX = 16;

/**
 * The longest snapshot, in characters of JSON. Reading a longer one would cost more than most folds. It is parsed in
 * one go, which nothing can interrupt: about 100 ms for 10 million characters.
 */
const SNAPSHOT_LENGTH_MAX = 64 * 1024 * 1024;

/** It changes when `Memory` changes, or when stored events mean something else for it. */
const MEMORY_FORMAT = 5;

/** The content of a snapshot: the state, and what the framework's events record. */
interface Memory {
  readonly state: unknown;
  readonly framework?: FrameworkMemory | undefined;
}

/** A snapshot that can be used. */
interface Snapshot extends Memory {
  readonly record: SnapshotRecord;
}

function checksumOf({
  streamId,
  actor,
  fingerprint,
  version,
  eventId,
  state,
}: Omit<SnapshotRecord, 'checksum'>): string {
  return hash(JSON.stringify([streamId, actor, fingerprint, version, eventId, state]));
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
