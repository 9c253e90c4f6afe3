import type { Unwatch, Wake } from '../../../engine/duties/index.js';
import type { Environment, Timer } from '../../../engine/environment/index.js';
import { WakeTable } from '../../../engine/reading/index.js';
import type { EventRecord } from '../../../kernel/values/index.js';
import type { CommitSignal } from './file-signal.js';
import type { SqliteReader } from './sqlite-reader.js';
import type { Statements } from './statements.js';

/**
 * Notices commits and wakes the watchers concerned: for our own commits at once, for other processes' at their commit
 * signal. At rest it costs one look every `LOOK_AGAIN_MS`, however many watchers there are; without watchers it costs
 * nothing.
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
  /** The watchers were woken for every event up to this position. */
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

  /** Calls `changed` whenever another process may have committed anything. */
  listen(changed: () => void): Unwatch {
    this.#begin();
    const listener = () => changed();
    this.#listeners.add(listener);
    return this.#endingWith(() => this.#listeners.delete(listener));
  }

  /** To be called with the events of our own commits, in order of position. */
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
      // This comes first, because a watcher that is woken may close this tail.
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

  /** Looks once for all signals of one turn of the event loop. */
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
      this.#wakeForOthers();
    } catch {
      // Readers get the error. Here it is enough to look again, which the timer does.
    }
  }

  #wakeForOthers(): void {
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

/**
 * How often it looks for other processes' commits without a signal. One look takes a few microseconds. Milliseconds.
 */
export const LOOK_AGAIN_MS = 50;
/** Most events read in one look. The rest is read in the next turn of the event loop. */
const TAIL_EVENTS_MAX = 1_000;
