import { detached } from '../../engine/async-context.js';
import { type Backoff, backoffIn } from '../../engine/backoff.js';
import type { Environment } from '../../engine/environment.js';
import { ALL_STREAMS } from '../../kernel/hearing.js';
import type { OnFailure } from '../../kernel/marks.js';
import { isOutage, isPassing } from './failure.js';
import { GIVEN_UP, Persistence, type Task } from './persistence.js';
import type { Reactions } from './reactions.js';
import type { Sound } from './sound.js';

/** Most reactions of one line that have run and are not stored yet. */
const IN_FLIGHT_MAX = 256;
/** First wait after an event that broke its line, and the longest. Milliseconds. */
const BROKEN_MS_MIN = 100;
const BROKEN_MS_MAX = 30_000;

/** An event on its way to an actor that it concerns. */
export interface Call {
  readonly sound: Sound;
  /** Told once what came of it is stored. */
  readonly done: () => void;
  /** Why there is no actor to bring it to. */
  readonly undeliverable?: { readonly error: unknown } | undefined;
}

/** Whom a line leads to. */
export interface LineOwner {
  readonly triesMax: number;
  readonly onFailure: OnFailure;
  /** The actor's, loaded if it is not. */
  reactions(): Promise<Reactions>;
  /** Hears of every failure. */
  failed(sound: Sound, error: unknown): void;
  /** Parks it where it needs no actor. */
  setAside(sound: Sound, error: unknown, attempts: number): Promise<void>;
  /** It failed in a way that was not foreseen; the event comes again, and nothing of this line overtakes it. */
  broke(error: unknown): void;
  /** Nothing is under way any more. */
  ended(): void;
}

/** One that had run and could not be stored. */
interface Lost {
  readonly call: Call;
  readonly error: unknown;
}

/**
 * Events on their way to one actor, for one listener, in order. A reaction need not be stored before the next one runs, so that many go in one append; if one
 * can't be, it and all that came after it run again, in order.
 */
export class CallLine {
  readonly #owner: LineOwner;
  readonly #persistence: Persistence;
  /** Waits after what nobody foresaw. */
  readonly #broken: Backoff;
  readonly #waiting: Call[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  #lost: Lost[] = [];
  /** One that was lost before: it is tried again alone. */
  #frail: { readonly at: number; readonly error: unknown; readonly tries: number } | undefined;
  /** Place of the last reaction that left a note. */
  #notedAt = 0;
  /** The actor could not even be loaded to park the last one: the next ones are tried once. */
  #isUnreachable = false;
  #running = false;
  #stopped = false;

  constructor(owner: LineOwner, environment: Environment) {
    this.#owner = owner;
    this.#persistence = new Persistence(environment);
    this.#broken = backoffIn(environment, BROKEN_MS_MIN, BROKEN_MS_MAX);
  }

  add(call: Call): void {
    this.#waiting.push(call);
    this.#goOn();
  }

  stop(): void {
    this.#stopped = true;
    this.#persistence.stop();
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
        const call = this.#waiting.shift();
        if (!call) break;
        await this.#bring(call);
      }
    } finally {
      this.#running = false;
    }
    this.#endIfDone();
  }

  /** Until it is done, or the line is stopped: an event is never given up because of what happens here. */
  async #bring(call: Call): Promise<void> {
    try {
      if (this.#frail?.at === call.sound.at) await this.#persist(call, this.#frail.error, this.#frail.tries);
      else await this.#runAhead(call);
      this.#broken.reset();
    } catch (error) {
      this.#waiting.unshift(call);
      if (error === GIVEN_UP || this.#stopped) return this.stop();
      this.#owner.broke(error);
      await this.#persistence.rest(this.#broken.nextMs()).catch(() => this.stop());
    }
  }

  /** Goes on as soon as it has run; that it is stored is seen to meanwhile. */
  async #runAhead(call: Call): Promise<void> {
    if (this.#inFlight.size >= IN_FLIGHT_MAX) await Promise.race(this.#inFlight);
    if (this.#lost.length > 0) {
      this.#waiting.unshift(call);
      return;
    }
    if (call.undeliverable) return this.#persist(call, call.undeliverable.error, 1);
    const failure = await new Promise<{ error: unknown } | undefined>((executed) => {
      let hasRun = false;
      const ran = () => {
        hasRun = true;
        executed(undefined);
      };
      const stored = this.#react(call.sound, this.#notedAt, ran)
        .then(
          // It may have run elsewhere.
          () => {
            executed(undefined);
            call.done();
          },
          (error: unknown) => {
            if (hasRun) this.#lost.push({ call, error });
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
    if (failure) await this.#persist(call, failure.error, triesOf(failure.error));
  }

  async #react(sound: Sound, after: number, ran: () => void): Promise<void> {
    const reactions = await this.#reactions();
    await reactions.react(sound, after, () => {
      if (reactions.notedAt(sound.listener, ALL_STREAMS) === sound.at) this.#notedAt = sound.at;
      ran();
    });
  }

  /** Alone, until it works or is parked. */
  async #persist(call: Call, error: unknown, tries: number): Promise<void> {
    await Promise.all(this.#inFlight);
    if (this.#lost.length > 0) {
      this.#waiting.unshift(call);
      return;
    }
    const { triesMax, onFailure } = this.#owner;
    if (error !== undefined) this.#owner.failed(call.sound, error);
    const task: Task = {
      triesMax: call.undeliverable || this.#isUnreachable ? 1 : triesMax,
      onFailure: call.undeliverable ? 'park' : onFailure,
      run: async () => (await this.#reactions()).react(call.sound),
      park: (last, failures) => this.#park(call, last, failures),
      failed: (last) => this.#owner.failed(call.sound, last),
    };
    await this.#persistence.see(task, tries, error);
    call.done();
  }

  /** In the actor's stream; where that can't be done, and trying again would not help, elsewhere. */
  async #park({ sound, undeliverable }: Call, error: unknown, attempts: number): Promise<void> {
    if (undeliverable) return this.#owner.setAside(sound, error, attempts);
    try {
      await (await this.#reactions()).park(sound, error, attempts);
    } catch (thrown) {
      if (isPassing(thrown) || isOutage(thrown)) throw thrown;
      await this.#owner.setAside(sound, error ?? thrown, attempts);
      this.#isUnreachable = true;
    }
  }

  async #reactions(): Promise<Reactions> {
    const reactions = await this.#owner.reactions();
    this.#isUnreachable = false;
    return reactions;
  }

  /** What was lost comes again, in order, and the first of it with care. */
  async #takeBack(): Promise<void> {
    await Promise.all(this.#inFlight);
    const lost = this.#lost.sort((a, b) => a.call.sound.at - b.call.sound.at);
    this.#lost = [];
    this.#notedAt = 0;
    const [first] = lost;
    if (!first) return;
    const { at } = first.call.sound;
    const before = this.#frail?.at === at ? this.#frail.tries : 0;
    this.#frail = { at, error: first.error, tries: before + triesOf(first.error) };
    this.#waiting.unshift(...lost.map(({ call }) => call));
  }

  #endIfDone(): void {
    if (!this.#running && this.#waiting.length === 0 && this.#inFlight.size === 0) this.#owner.ended();
  }
}

/** As how many tries a failure counts. */
function triesOf(error: unknown): number {
  return isPassing(error) || isOutage(error) ? 0 : 1;
}
