import { detached } from '../../engine/environment/async-context.js';
import { backoffIn } from '../../engine/environment/backoff.js';
import { EventPull, type PullSource } from '../../engine/reading/event-pull.js';
import { ALL_STREAMS, type HeardSource } from '../../kernel/framework/listening-state.js';
import type { EventRecord } from '../../kernel/values/event.js';
import { type RetriedTask, RetryPolicy } from '../delivery/retry-policy.js';
import type { RuntimeParts } from '../parts/settings.js';
import { type Delivery, firedAtMs, nameOf } from './delivery.js';
import { hears, type Listener } from './listener.js';
import type { ListeningOwner } from './listening-owner.js';
import { PeerDelay } from './peer-delay.js';
import type { Reactions } from './reactions.js';

/**
 * One listener on one source: reads the source from where it was last heard, and reacts to one event after the other. A reaction need not be stored before
 * the next one runs; if one can't be, all that came after it are given up and heard again, in order.
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
  /** Place of the last reaction that was run here. */
  #lastAt = 0;
  readonly #peerDelay: PeerDelay;
  /** A reaction that had run could not be stored. */
  #lost: Lost | undefined;
  /** One that was lost before: it is tried again alone. */
  #suspect: (Lost & { readonly tries: number }) | undefined;
  /** Up to where it has heard here: further than what is written down, where nothing came of it. */
  #processedHere: number;
  /** Where it began. */
  readonly #from: number;
  #rest: (() => void) | undefined;
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
    this.#rest?.();
  }

  /** Up to where nothing is left to hear. */
  get processedTo(): number {
    return Math.max(this.#processedHere, this.#pull.quietAt);
  }

  /** Whether its time is over, and all is heard that was said before; or it has heard as often as it was to. */
  get isOver(): boolean {
    const isLate = this.#reactions.status.isLate(this.listener, this.source, this.#parts.clock.now() - LATE_MS_MAX);
    return this.#isOver || (isLate && !this.#pull.isBehind);
  }

  /** Whether a reaction runs, is being stored, or waits to be tried again. */
  get busy(): boolean {
    return this.#inFlight.size > 0 || this.#retries.waiting;
  }

  /** Whether something that was said is not dealt with yet, as far as it knows. */
  get behind(): boolean {
    return !this.#stopped && (this.busy || this.#lost !== undefined || this.#pull.isBehind);
  }

  /** Whatever happens it begins again, until it is stopped. */
  async #listen(): Promise<void> {
    const backoff = backoffIn(this.#parts.environment, RESTART_MS_MIN, RESTART_MS_MAX);
    while (!this.#stopped) {
      try {
        await this.#run();
      } catch (error) {
        if (this.#stopped) return;
        const waitMs = backoff.nextMs();
        const what = `${this.#owner.label}: '${this.listener.name}' could not listen`;
        this.#parts.log.error(`${what}; it tries again in ${Math.round(waitMs)} ms`, error);
        await new Promise<void>((resolve) => {
          const timer = this.#parts.environment.setTimeout(resolve, waitMs).unref();
          this.#rest = () => {
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

  /** It has heard all that it was to, unless something of that was lost. */
  async #end(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
    if (this.#lost || this.#stopped) return;
    this.#isOver = true;
    this.stop();
  }

  /** Goes on as soon as it has run; that it is stored is seen to meanwhile. */
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
            // It may have run elsewhere.
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
      failed: (last, failures) => this.#tell(delivery, last, failures),
    };
    if (tries > 0) this.#tell(delivery, error, tries);
    const ended = await this.#retries.run(task, tries, error);
    if (ended === 'parked')
      this.#parts.log.error(`${this.#owner.label}: '${this.listener.name}' parked ${nameOf(delivery)}`);
  }

  #settled(outcome: unknown): void {
    this.#peerDelay.settled(outcome !== 'heard');
  }

  #tell(delivery: Delivery, error: unknown, failures: number): void {
    if (failures > 0)
      this.#parts.log.warn(`${this.#owner.label}: '${this.listener.name}' failed on ${nameOf(delivery)}`, error);
  }

  #lose(at: number, error: unknown): void {
    this.#lost ??= { at, error };
    // It may be waiting for more.
    this.#pull.stop();
  }

  /** What came after a lost reaction is heard again, and the lost one with care. */
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
      this.#parts.log.warn(`${this.#owner.label}: '${this.listener.name}' could not read; it tries again`, error);
    return new EventPull(this.#parts.engine, source, after, retried, this.#parts.environment);
  }
}

/** Most reactions of one ear that have run and are not stored yet. */
const IN_FLIGHT_MAX = 256;
/** The same where it leads: what other nodes send here must not wait long behind them, or they take the leader for dead. */
const LED_IN_FLIGHT_MAX = 32;
/** How long after its time a source is still listened to for what was said before and shows late. Milliseconds. */
const LATE_MS_MAX = 60_000;
/** First wait after an error that trying to read again did not mend, and the longest. Milliseconds. */
const RESTART_MS_MIN = 500;
const RESTART_MS_MAX = 30_000;

/** A reaction that had run and could not be stored. */
interface Lost {
  readonly at: number;
  readonly error: unknown;
}
