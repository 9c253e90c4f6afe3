import type { Unwatch, Wake } from '../../../engine/duties/index.js';
import { WakeTable } from '../../../engine/reading/index.js';
import type { EventRecord } from '../../../kernel/values/index.js';
import type { WakeFate } from '../faults/index.js';
import { LOG, type SeededRandom } from '../world/index.js';
import type { Link } from './link.js';
import type { StoredCommit, StoreObserver } from './simulated-store.js';
import type { World } from './simulated-world.js';

/**
 * Wakes the watchers of one process: once after each commit, or more often. If a wake-up is lost, they are woken when
 * the engine looks again.
 */
export class WakeUps implements StoreObserver {
  readonly #world: World;
  readonly #link: Link;
  readonly #node: number;
  readonly #random: SeededRandom;
  readonly #ofStreams = new WakeTable();
  readonly #ofAll = new WakeTable();

  constructor(world: World, link: Link, node: number) {
    this.#world = world;
    this.#link = link;
    this.#node = node;
    this.#random = world.random.fork(`wake-ups of ${link.process.name}`);
    world.store.observers.push(this);
  }

  watchStream(streamId: string, wake: Wake): Unwatch {
    return this.#ofStreams.addStream(streamId, wake);
  }

  watchAll(wake: Wake): Unwatch {
    return this.#ofAll.addAll(wake);
  }

  /** Ends it, because the process ends or its engine is closed. */
  end(): void {
    this.#ofStreams.clear();
    this.#ofAll.clear();
    const { observers } = this.#world.store;
    const at = observers.indexOf(this);
    if (at !== -1) observers.splice(at, 1);
  }

  stored({ streamId, records }: StoredCommit): void {
    if (!this.#ofStreams.hasStream(streamId)) return;
    const fate = this.#fate();
    for (const ms of fate.delaysMs) this.#wakeIn(ms, this.#hintOf(records, fate.hint), streamId);
    if (fate.delaysMs.length === 0) this.#lookAgain(streamId);
  }

  placed(records: readonly EventRecord[]): void {
    if (this.#ofAll.size === 0) return;
    const fate = this.#fate();
    for (const ms of fate.delaysMs) this.#wakeIn(ms, this.#hintOf(records, fate.hint), undefined);
    if (fate.delaysMs.length === 0) this.#lookAgain(undefined);
  }

  #fate(): WakeFate {
    const fate: WakeFate = { delaysMs: [this.#random.between(0.05, WAKE_MS_MAX)], hint: 'all' };
    this.#world.faults.onWake(fate, this.#node);
    return fate;
  }

  #hintOf(records: readonly EventRecord[], hint: WakeFate['hint']): readonly EventRecord[] {
    if (hint === 'none') return [];
    // A hint ends with the last event of the commit, or is empty (see `Wake`).
    if (hint === 'some')
      return this.#random.chance(0.5)
        ? []
        : records.filter((record) => record === records.at(-1) || this.#random.chance(0.5));
    return hint === 'disordered' ? this.#random.shuffled(records) : records;
  }

  /** @param streamId the stream whose watchers are woken; those of the whole store if there is none. */
  #wakeIn(ms: number, hint: readonly EventRecord[], streamId: string | undefined): void {
    this.#world.time.after(ms, () => this.#wake(hint, streamId), this.#link.process);
  }

  #wake(hint: readonly EventRecord[], streamId: string | undefined): void {
    if (this.#link.cuts.in) {
      this.#lookAgain(streamId);
      return;
    }
    if (streamId === undefined) {
      this.#world.trace.note(this.#link.process.name, 'is woken: the log has grown', LOG);
      this.#ofAll.wake(hint);
      return;
    }
    if (!this.#ofStreams.hasStream(streamId)) return;
    const what = hint.length === 0 ? '' : ` (${hint.map(({ version }) => version).join(' ')})`;
    this.#world.trace.note(this.#link.process.name, `is woken: ${streamId} has grown${what}`, streamId);
    if (hint.length === 0) this.#ofStreams.nudge(streamId);
    else this.#ofStreams.wakeStreams(hint);
  }

  #lookAgain(streamId: string | undefined): void {
    this.#wakeIn(LOOK_AGAIN_MS, [], streamId);
  }
}

/** Longest usual time from a commit to a wake-up. Milliseconds. */
const WAKE_MS_MAX = 3;
/** How long after a lost wake-up the engine looks by itself, and wakes the watchers concerned. Milliseconds. */
export const LOOK_AGAIN_MS = 500;
