import { createHash } from 'node:crypto';
import type { Engine } from '../../engine/duties/engine.js';
import type { SnapshotRecord } from '../../engine/duties/snapshots.js';
import type { ActorDefinition } from '../../kernel/defining/actor-definition.js';
import type { FrameworkMemory } from '../../kernel/framework/framework-events.js';
import type { RuntimeParts } from '../parts/settings.js';
import type { Activation } from './activation.js';

/**
 * Memoised states of one actor class. A snapshot is used only if it is whole (checksum), of today's meaning (fingerprint), and of the very past
 * that the stream has now (id of its last event): anything else is as if it were not there.
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

  /** Hash of all that gives past events their meaning. Most classes have one initial state for all ids, so the last one is kept. */
  fingerprintFor(initial: object): string {
    const text = JSON.stringify(initial);
    if (text !== this.#initial || this.#fingerprint === '') {
      this.#initial = text;
      this.#fingerprint = hash(JSON.stringify([MEMORY_FORMAT, this.#definition.kind, this.#definition.meaning, text]));
    }
    return this.#fingerprint;
  }

  /** A usable snapshot of this stream, with its state parsed. */
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

  /** Saves one in the background, if enough events went by since the last. */
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
        `${record.actor} '${record.streamId}': a snapshot could not be saved; nothing but time is lost`,
        error,
      );
    } finally {
      this.#underWay -= 1;
    }
  }
}

/** Most snapshots of one class that may be on their way to the engine; past that a snapshot is left for later. */
const SAVES_UNDER_WAY_MAX = 16;

/**
 * Longest state that is memoised, in characters of JSON: reading more than that back costs more than most folds. It is parsed in one go, and nothing can
 * interrupt that: some 100 ms for 10 million characters.
 */
const SNAPSHOT_LENGTH_MAX = 64 * 1024 * 1024;

/** Changes when `Memory` does, or what stored events say of it. */
const MEMORY_FORMAT = 5;

/** What is memoised: the state, and what the framework's events say. */
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
