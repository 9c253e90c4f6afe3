import { backoffIn, detached } from '../../engine/environment/index.js';
import { EventPull, type PullSource } from '../../engine/reading/index.js';
import { ALL_STREAMS, type HeardSource } from '../../kernel/framework/index.js';
import type { EventRecord } from '../../kernel/values/index.js';
import { type RetriedTask, RetryPolicy } from '../delivery/index.js';
import type { RuntimeParts } from '../parts/index.js';
import { type Delivery, firedAtMs, nameOf } from './delivery.js';
import { hears, type Listener } from './listener.js';
import type { ListeningOwner } from './listening-owner.js';
import { PeerDelay } from './peer-delay.js';
import type { Reactions } from './reactions.js';

/**
 * One listener on one source. It reads the source from where it was last heard, and reacts to one event after the other. The next reaction may run before the
 * last one is stored. If one cannot be stored, all later ones are discarded and run again, in order.
 */
export class ListenerSubscription {
  readonly source: string;
  readonly sinceMs: number | undefined;
  readonly listener: Listener;
  readonly #owner: ListeningOwner;
  readonly #parts: RuntimeParts;
  readonly #reactions: Reactions;
  readonly #retries: RetryPolicy;
  readonly #inFlight = new Set<Promise<unknown>>();
  #pull: EventPull;
  /** The place of the last reaction that ran here. */
  #lastAt = 0;
  readonly #peerDelay: PeerDelay;
  /** A reaction that ran could not be stored. */
  #lost: Lost | undefined;
  /** An event whose reaction was lost before. It is tried again alone. */
  #suspect: (Lost & { readonly tries: number }) | undefined;
  /** How far it has heard here. That is further than what is recorded if the last events had no effect. */
  #processedHere: number;
  /** Where it began. */
  readonly #from: number;
  #cancelWait: (() => void) | undefined;
  #stopped = false;
  #isOver = false;

  constructor(
    parts: { owner: ListeningOwner; parts: RuntimeParts; reactions: Reactions },
    listener: Listener,
    heard: HeardSource,
  ) {
    this.#owner = parts.owner;
    this.#parts = parts.parts;
    this.#reactions = parts.reactions;
    this.listener = listener;
    this.source = heard.source;
    this.sinceMs = heard.sinceMs;
    this.#peerDelay = new PeerDelay(this.#owner.leads !== undefined, parts.parts.environment);
    this.#retries = new RetryPolicy(parts.parts.environment);
    this.#from = heard.at;
    this.#processedHere = heard.at;
    this.#pull = this.#newPull(heard.at);
  }

  start(): void {
    detached(() => void this.#parts.begun.opened.then(() => this.#listen()));
  }

  stop(): void {
    this.#stopped = true;
    this.#pull.stop();
    this.#retries.stop();
    this.#cancelWait?.();
  }

  /** Up to where all events are handled. */
  get processedTo(): number {
    return Math.max(this.#processedHere, this.#pull.caughtUpTo);
  }

  /** Whether it has ended: its time is over and all earlier events are handled, or it has reached its count. */
  get isOver(): boolean {
    const isLate = this.#reactions.status.isLate(this.listener, this.source, this.#parts.clock.now() - LATE_MS_MAX);
    return this.#isOver || (isLate && !this.#pull.isBehind);
  }

  /** Whether a reaction runs, is being stored, or waits for a retry. */
  get busy(): boolean {
    return this.#inFlight.size > 0 || this.#retries.waiting;
  }

  /** Whether an event is not handled yet, as far as it knows. */
  get behind(): boolean {
    return !this.#stopped && (this.busy || this.#lost !== undefined || this.#pull.isBehind);
  }

  /** It begins again after any failure, until it is stopped. */
  async #listen(): Promise<void> {
    const backoff = backoffIn(this.#parts.environment, RESTART_MS_MIN, RESTART_MS_MAX);
    while (!this.#stopped) {
      try {
        await this.#run();
      } catch (error) {
        if (this.#stopped) return;
        const waitMs = backoff.nextMs();
        const what = `${this.#owner.label}: the listener '${this.listener.name}' failed to read or to handle events`;
        this.#parts.log.error(`${what}; it starts again in ${Math.round(waitMs)} ms`, error);
        await new Promise<void>((resolve) => {
          const timer = this.#parts.environment.setTimeout(resolve, waitMs).unref();
          this.#cancelWait = () => {
            this.#parts.environment.clearTimeout(timer);
            resolve();
          };
        });
        await this.#restart();
      }
    }
  }

  async #run(): Promise<void> {
    for (;;) {
      const page = (await this.#pull.next()) ?? [];
      if (this.#stopped) return;
      const readAtMs = this.#parts.environment.monotonicMs();
      for (const record of page) {
        if (this.#stopped) return;
        if (hears(this.listener.events, record.name)) await this.#process(record, readAtMs);
        if (this.#lost) break;
        this.#processedHere = this.#placeOf(record);
      }
      if (this.#lost) await this.#beginAgain();
    }
  }

  async #process(record: EventRecord, readAtMs: number): Promise<void> {
    const delivery: Delivery = { listener: this.listener.name, source: this.source, at: this.#placeOf(record), record };
    if (
      this.listener.forMs !== undefined &&
      this.#reactions.status.isLate(this.listener, this.source, firedAtMs(delivery))
    )
      return this.#end();
    if (!this.#peerDelay.isNone && this.#owner.leads !== true) await this.#waitForOthers(delivery.at, readAtMs);
    if (this.#stopped || this.#heardAt() >= delivery.at) return;
    if (this.#suspect?.at === delivery.at)
      await this.#deliverWithRetries(delivery, this.#suspect.tries, this.#suspect.error);
    else if (this.#owner.leads !== false && this.listener.count === undefined) await this.#reactAhead(delivery);
    else await this.#deliverWithRetries(delivery);
    if (this.#reactions.status.isOver(this.listener, this.source)) await this.#end();
  }

  /** Ends the subscription after its last event, unless a reaction was lost. */
  async #end(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
    if (this.#lost || this.#stopped) return;
    this.#isOver = true;
    this.stop();
  }

  /** Runs a reaction, and continues as soon as it has run, while it is being stored. */
  async #reactAhead(delivery: Delivery): Promise<void> {
    const inFlightMax = this.#owner.leads ? LED_IN_FLIGHT_MAX : IN_FLIGHT_MAX;
    if (this.#inFlight.size >= inFlightMax) await Promise.race(this.#inFlight);
    const after = this.#lastAt;
    const failure = await new Promise<unknown>((executed) => {
      let hasRun = false;
      const stored = this.#reactions
        .react(delivery, after, () => {
          hasRun = true;
          executed(undefined);
        })
        .then(
          (outcome) => {
            this.#settled(outcome);
            // It may have run on another node.
            executed(undefined);
          },
          (error: unknown) => {
            if (hasRun) this.#lose(delivery.at, error);
            executed(hasRun ? undefined : { error });
          },
        )
        .finally(() => this.#inFlight.delete(stored));
      this.#inFlight.add(stored);
    });
    if (failure) await this.#deliverWithRetries(delivery, 1, (failure as { error: unknown }).error);
    else if (this.#reactions.notedAt(delivery.listener, this.source) === delivery.at) this.#lastAt = delivery.at;
  }

  async #deliverWithRetries(delivery: Delivery, tries = 0, error?: unknown): Promise<void> {
    await Promise.allSettled(this.#inFlight);
    if (this.#stopped) return;
    if (this.#lost && this.#lost.at < delivery.at) return;
    const task: RetriedTask = {
      triesMax: this.#parts.limits.reactionTriesMax,
      onFailure: this.listener.onFailure,
      run: async () => this.#settled(await this.#reactions.react(delivery)),
      park: (last, failures) => this.#reactions.park(delivery, last, failures),
      failed: (last, failures) => this.#reportFailure(delivery, last, failures),
    };
    if (tries > 0) this.#reportFailure(delivery, error, tries);
    const ended = await this.#retries.run(task, tries, error);
    if (ended === 'parked')
      this.#parts.log.error(`${this.#owner.label}: '${this.listener.name}' parked ${nameOf(delivery)}`);
  }

  #settled(outcome: unknown): void {
    this.#peerDelay.settled(outcome !== 'heard');
  }

  #reportFailure(delivery: Delivery, error: unknown, failures: number): void {
    if (failures > 0)
      this.#parts.log.warn(`${this.#owner.label}: '${this.listener.name}' failed on ${nameOf(delivery)}`, error);
  }

  #lose(at: number, error: unknown): void {
    this.#lost ??= { at, error };
    // Ends a wait for more events.
    this.#pull.stop();
  }

  /** Events after a lost reaction are handled again, and the lost one is tried alone. */
  async #beginAgain(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
    const lost = this.#lost as Lost;
    this.#suspect = { ...lost, tries: this.#suspect?.at === lost.at ? this.#suspect.tries + 1 : 1 };
    await this.#restart();
  }

  /** Goes back to what is stored. */
  async #restart(): Promise<void> {
    this.#pull.stop();
    await Promise.allSettled(this.#inFlight);
    this.#lost = undefined;
    this.#lastAt = 0;
    if (this.#stopped) return;
    this.#processedHere = Math.max(this.#from, this.#heardAt());
    this.#pull = this.#newPull(this.#processedHere);
  }

  #waitForOthers(at: number, readAtMs: number): Promise<void> {
    return this.#peerDelay.wait(at, readAtMs, () => (this.#stopped ? undefined : this.#heardAt()));
  }

  #heardAt(): number {
    return this.#owner.listeningState.heardAt(this.listener.name, this.source);
  }

  #placeOf(record: EventRecord): number {
    return this.source === ALL_STREAMS ? record.position : record.version;
  }

  #newPull(after: number): EventPull {
    const { events } = this.listener;
    const source: PullSource = this.source === ALL_STREAMS ? { names: [...(events ?? [])] } : { stream: this.source };
    const retried = (error: unknown) =>
      this.#parts.log.warn(
        `${this.#owner.label}: '${this.listener.name}' could not read its source; reading is retried`,
        error,
      );
    return new EventPull(this.#parts.engine, source, after, retried, this.#parts.environment);
  }
}

/** How many reactions of one subscription may have run without being stored yet. */
const IN_FLIGHT_MAX = 256;
/** The same on the leader. Calls of other nodes must not wait long behind them, or those nodes would consider the leader dead. */
const LED_IN_FLIGHT_MAX = 32;
/** How long after its time is over it still reads events that were fired in time. Milliseconds. */
const LATE_MS_MAX = 60_000;
/** The first and the longest wait after an error that reading again did not fix. Milliseconds. */
const RESTART_MS_MIN = 500;
const RESTART_MS_MAX = 30_000;

/** A reaction that ran and could not be stored. */
interface Lost {
  readonly at: number;
  readonly error: unknown;
}
