import type { Unwatch, Wake } from '../../../engine/duties/follow.js';
import type { Environment, Timer } from '../../../engine/environment/environment.js';
import { WakeTable } from '../../../engine/reading/wake-table.js';
import type { EventRecord } from '../../../kernel/values/event.js';
import type { CommitSignal } from './file-signal.js';
import type { SqliteReader } from './sqlite-reader.js';
import type { Statements } from './statements.js';

/**
 * Notices commits and wakes the watchers concerned: our own at once, other processes' when the bell rings. At rest it costs one look every
 * `LOOK_AGAIN_MS`, however many watchers there are; with no watcher, nothing.
 */
export class Tail {
  readonly #statements: Statements;
  readonly #reader: SqliteReader;
  readonly #signal: CommitSignal;
  readonly #environment: Environment;
  readonly #wakes = new WakeTable();
  readonly #listeners = new Set<() => void>();
  #timer: Timer | undefined;
  #dataVersion: unknown;
  /** Every event up to this position has been told of. */
  #notifiedUpTo = 0;
  #lookScheduled = false;

  constructor(statements: Statements, reader: SqliteReader, signal: CommitSignal, environment: Environment) {
    this.#statements = statements;
    this.#reader = reader;
    this.#signal = signal;
    this.#environment = environment;
  }

  watchStream(streamId: string, wake: Wake): Unwatch {
    this.#begin();
    return this.#endingWith(this.#wakes.addStream(streamId, wake));
  }

  watchAll(wake: Wake): Unwatch {
    this.#begin();
    return this.#endingWith(this.#wakes.addAll(wake));
  }

  /** Calls `changed` whenever another process may have committed anything at all. */
  listen(changed: () => void): Unwatch {
    this.#begin();
    const listener = () => changed();
    this.#listeners.add(listener);
    return this.#endingWith(() => this.#listeners.delete(listener));
  }

  /** We committed these, in order of position. */
  committed(records: readonly EventRecord[]): void {
    const [first, last] = [records[0], records.at(-1)];
    if (!first || !last) return;
    this.#signal.notify();
    if (!this.#timer) return;
    if (first.position === this.#notifiedUpTo + 1) this.#notifiedUpTo = last.position;
    this.#wakes.wake(records);
  }

  close(): void {
    this.#environment.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#signal.unsubscribe();
  }

  #begin(): void {
    if (this.#timer) return;
    this.#dataVersion = this.#statements.dataVersion.get();
    this.#notifiedUpTo = this.#reader.lastPosition();
    this.#signal.subscribe(() => this.#scheduleLook());
    this.#lookLater();
  }

  #lookLater(): void {
    this.#timer = this.#environment.setTimeout(() => {
      // First, because what is found may make somebody close this.
      this.#lookLater();
      this.#look();
    }, LOOK_AGAIN_MS);
    this.#timer.unref();
  }

  #endingWith(unwatch: () => unknown): Unwatch {
    return () => {
      unwatch();
      if (this.#wakes.size + this.#listeners.size === 0) this.close();
    };
  }

  /** Many rings in one turn of the event loop are one look. */
  #scheduleLook(): void {
    if (this.#lookScheduled) return;
    this.#lookScheduled = true;
    this.#environment.setImmediate(() => {
      this.#lookScheduled = false;
      this.#look();
    });
  }

  #look(): void {
    if (!this.#timer) return;
    try {
      this.#tell();
    } catch {
      // Whoever reads is told of the error; here all there is to do is to look again, which the timer does.
    }
  }

  #tell(): void {
    const dataVersion = this.#statements.dataVersion.get();
    if (dataVersion === this.#dataVersion) return;
    for (const listener of [...this.#listeners]) listener();
    const { events, ended } = this.#reader.readAll(this.#notifiedUpTo, TAIL_EVENTS_MAX);
    if (ended) this.#dataVersion = dataVersion;
    else this.#scheduleLook();
    this.#notifiedUpTo = events.at(-1)?.position ?? this.#notifiedUpTo;
    this.#wakes.wake(events);
  }
}

/** How often other processes' commits are looked for even when the bell is silent. One such look is a few microseconds. */
export const LOOK_AGAIN_MS = 50;
/** Most events read in one look; the rest in the next turn of the event loop. */
const TAIL_EVENTS_MAX = 1_000;
