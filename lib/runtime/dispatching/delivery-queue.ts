import { type Backoff, backoffIn, detached, type Environment } from '../../engine/environment/index.js';
import type { OnFailure } from '../../kernel/declaring/index.js';
import { ALL_STREAMS } from '../../kernel/framework/index.js';
import { isOutage, isTransient, RETRIES_STOPPED, type RetriedTask, RetryPolicy } from '../delivery/index.js';
import type { Delivery, Reactions } from '../listening/index.js';

/**
 * Deliveries to one actor for one listener, in order. The next reaction may run before the last one is stored, so that
 * many go into one append. If one cannot be stored, it and all later ones run again, in order.
 */
export class DeliveryQueue {
  readonly #owner: DeliveryQueueOwner;
  readonly #retries: RetryPolicy;
  /** The waits after unforeseen failures. */
  readonly #broken: Backoff;
  readonly #waiting: QueuedDelivery[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  #lost: Lost[] = [];
  /** An event whose reaction was lost before. It is tried again alone. */
  #suspect: { readonly at: number; readonly error: unknown; readonly tries: number } | undefined;
  /** The place of the last reaction that left a note. */
  #notedAt = 0;
  /** The actor could not even be loaded to park the last event, so the next ones are tried once. */
  #isUnreachable = false;
  #running = false;
  #stopped = false;

  constructor(owner: DeliveryQueueOwner, environment: Environment) {
    this.#owner = owner;
    this.#retries = new RetryPolicy(environment);
    this.#broken = backoffIn(environment, FAULT_MS_MIN, FAULT_MS_MAX);
  }

  add(queued: QueuedDelivery): void {
    this.#waiting.push(queued);
    this.#goOn();
  }

  stop(): void {
    this.#stopped = true;
    this.#retries.stop();
  }

  #goOn(): void {
    if (this.#running || this.#stopped) return;
    this.#running = true;
    detached(() => void this.#run());
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stopped) {
        if (this.#lost.length > 0) await this.#takeBack();
        const queued = this.#waiting.shift();
        if (!queued) break;
        await this.#deliver(queued);
      }
    } finally {
      this.#running = false;
    }
    this.#endIfDone();
  }

  /** Delivers an event until it is done or the queue is stopped. A failure here never gives an event up. */
  async #deliver(queued: QueuedDelivery): Promise<void> {
    try {
      if (this.#suspect?.at === queued.delivery.at)
        await this.#deliverWithRetries(queued, this.#suspect.error, this.#suspect.tries);
      else await this.#runAhead(queued);
      this.#broken.reset();
    } catch (error) {
      this.#waiting.unshift(queued);
      if (error === RETRIES_STOPPED || this.#stopped) return this.stop();
      this.#owner.broke(error);
      await this.#retries.rest(this.#broken.nextMs()).catch(() => this.stop());
    }
  }

  /** Runs a reaction, and continues as soon as it has run, while it is being stored. */
  async #runAhead(queued: QueuedDelivery): Promise<void> {
    if (this.#inFlight.size >= IN_FLIGHT_MAX) await Promise.race(this.#inFlight);
    if (this.#lost.length > 0) {
      this.#waiting.unshift(queued);
      return;
    }
    if (queued.undeliverable) return this.#deliverWithRetries(queued, queued.undeliverable.error, 1);
    const failure = await new Promise<{ error: unknown } | undefined>((executed) => {
      let hasRun = false;
      const ran = () => {
        hasRun = true;
        executed(undefined);
      };
      const stored = this.#react(queued.delivery, this.#notedAt, ran)
        .then(
          // It may have run on another node.
          () => {
            executed(undefined);
            queued.done();
          },
          (error: unknown) => {
            if (hasRun) this.#lost.push({ queued, error });
            executed({ error });
          },
        )
        .finally(() => {
          this.#inFlight.delete(stored);
          if (this.#lost.length > 0) this.#goOn();
          this.#endIfDone();
        });
      this.#inFlight.add(stored);
    });
    if (failure) await this.#deliverWithRetries(queued, failure.error, triesOf(failure.error));
  }

  async #react(delivery: Delivery, after: number, ran: () => void): Promise<void> {
    const reactions = await this.#reactions();
    await reactions.react(delivery, after, () => {
      if (reactions.notedAt(delivery.listener, ALL_STREAMS) === delivery.at) this.#notedAt = delivery.at;
      ran();
    });
  }

  /** Delivers an event alone, until it works or is parked. */
  async #deliverWithRetries(queued: QueuedDelivery, error: unknown, tries: number): Promise<void> {
    await Promise.all(this.#inFlight);
    if (this.#lost.length > 0) {
      this.#waiting.unshift(queued);
      return;
    }
    const { triesMax, onFailure } = this.#owner;
    if (error !== undefined) this.#owner.failed(queued.delivery, error);
    const task: RetriedTask = {
      triesMax: queued.undeliverable || this.#isUnreachable ? 1 : triesMax,
      onFailure: queued.undeliverable ? 'park' : onFailure,
      run: async () => (await this.#reactions()).react(queued.delivery),
      park: (last, failures) => this.#park(queued, last, failures),
      failed: (last) => this.#owner.failed(queued.delivery, last),
    };
    await this.#retries.run(task, tries, error);
    queued.done();
  }

  /**
   * Parks an event in the actor's stream. If that is impossible and a retry would not help, it is parked in the
   * dispatcher's stream.
   */
  async #park({ delivery, undeliverable }: QueuedDelivery, error: unknown, attempts: number): Promise<void> {
    if (undeliverable) return this.#owner.parkElsewhere(delivery, error, attempts);
    try {
      await (await this.#reactions()).park(delivery, error, attempts);
    } catch (thrown) {
      if (isTransient(thrown) || isOutage(thrown)) throw thrown;
      await this.#owner.parkElsewhere(delivery, error ?? thrown, attempts);
      this.#isUnreachable = true;
    }
  }

  async #reactions(): Promise<Reactions> {
    const reactions = await this.#owner.reactions();
    this.#isUnreachable = false;
    return reactions;
  }

  /** Lost events are delivered again, in order, and the first of them alone. */
  async #takeBack(): Promise<void> {
    await Promise.all(this.#inFlight);
    const lost = this.#lost.sort((a, b) => a.queued.delivery.at - b.queued.delivery.at);
    this.#lost = [];
    this.#notedAt = 0;
    const [first] = lost;
    if (!first) return;
    const { at } = first.queued.delivery;
    const before = this.#suspect?.at === at ? this.#suspect.tries : 0;
    this.#suspect = { at, error: first.error, tries: before + triesOf(first.error) };
    this.#waiting.unshift(...lost.map(({ queued }) => queued));
  }

  #endIfDone(): void {
    if (!this.#running && this.#waiting.length === 0 && this.#inFlight.size === 0) this.#owner.ended();
  }
}

/** How many reactions of one queue may have run without being stored yet. */
const IN_FLIGHT_MAX = 256;
/** The first and the longest wait after an unforeseen failure. Milliseconds. */
const FAULT_MS_MIN = 100;
const FAULT_MS_MAX = 30_000;

/** An event on its way to an actor that it concerns. */
export interface QueuedDelivery {
  readonly delivery: Delivery;
  /** Called once its effect is stored. */
  readonly done: () => void;
  /** Why there is no actor to deliver it to. */
  readonly undeliverable?: { readonly error: unknown } | undefined;
}

/** What a queue needs of the actor that it delivers to. */
export interface DeliveryQueueOwner {
  readonly triesMax: number;
  readonly onFailure: OnFailure;
  /** The actor's reactions. It loads the actor if needed. */
  reactions(): Promise<Reactions>;
  /** Gets every failure. */
  failed(delivery: Delivery, error: unknown): void;
  /** Parks it where no actor is needed. */
  parkElsewhere(delivery: Delivery, error: unknown, attempts: number): Promise<void>;
  /** An unforeseen failure. The event is delivered again, and no later one of this queue overtakes it. */
  broke(error: unknown): void;
  /** Nothing is under way any more. */
  ended(): void;
}

/** A reaction that ran and could not be stored. */
interface Lost {
  readonly queued: QueuedDelivery;
  readonly error: unknown;
}

/** How many tries a failure counts as. */
function triesOf(error: unknown): number {
  return isTransient(error) || isOutage(error) ? 0 : 1;
}
