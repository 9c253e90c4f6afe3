import { setTimeout as sleep } from 'node:timers/promises';
import type { AppendRequest, AppendResult } from '../../../lib/engine/duties/append.js';
import type { Unwatch, Wake } from '../../../lib/engine/duties/follow.js';
import type { StorePage } from '../../../lib/engine/duties/read.js';
import { MemoryEngine, type MemoryStore } from '../../../lib/engines/memory/index.js';
import { EngineError } from '../../../lib/kernel/values/errors.js';
import type { EventRecord, NewEvent } from '../../../lib/kernel/values/event.js';

/** How late a flaky engine makes up for a wake-up that it dropped. */
const LOOK_AGAIN_MS = 10;

/** A memory engine behind a bad network: it breaks every promise that an engine need not keep, at random, and no other. */
export class FlakyEngine extends MemoryEngine {
  readonly #random: () => number;

  constructor(store: MemoryStore, random: () => number) {
    super({ store });
    this.#random = random;
  }

  /** May not arrive, or arrive late, or be stored without an answer. Each try has one version at which it can land. */
  override async append(request: AppendRequest): Promise<AppendResult> {
    const chance = this.#random();
    if (chance < 0.15) throw unavailable({ outcomeUnknown: false });
    if (chance < 0.3) throw unavailable({ outcomeUnknown: true });
    if (chance < 0.45) {
      const expectedVersion = await this.#versionFor(request);
      void sleep(this.#random() * 8).then(() => super.append({ ...request, expectedVersion }));
      throw unavailable({ outcomeUnknown: true });
    }
    await sleep(this.#random() * 3);
    const result = await super.append(request);
    if (chance < 0.6) throw unavailable({ outcomeUnknown: true });
    return result;
  }

  override async readStream(streamId: string, after: number, limit: number): Promise<EventRecord[]> {
    await this.#maybeFail();
    return super.readStream(streamId, after, Math.ceil(this.#random() * limit));
  }

  override async readAll(after: number, limit: number, names?: readonly string[]): Promise<StorePage> {
    await this.#maybeFail();
    return super.readAll(after, Math.ceil(this.#random() * limit), names);
  }

  override async watchStream(streamId: string, wake: Wake): Promise<Unwatch> {
    await this.#maybeFail();
    return super.watchStream(streamId, this.#distorting(wake));
  }

  override async watchAll(wake: Wake): Promise<Unwatch> {
    await this.#maybeFail();
    return super.watchAll(this.#distorting(wake));
  }

  async #versionFor({ streamId, expectedVersion }: AppendRequest): Promise<number> {
    return expectedVersion === 'any' ? await super.streamVersion(streamId) : expectedVersion;
  }

  async #maybeFail(): Promise<void> {
    if (this.#random() < 0.1) throw unavailable({ outcomeUnknown: false });
    if (this.#random() < 0.5) await sleep(this.#random() * 2);
  }

  /** Drops, cuts, repeats, delays and turns around what a wake-up brings along; forgets positions. */
  #distorting(wake: Wake): Wake {
    return (events) => {
      const chance = this.#random();
      if (chance < 0.2) this.#cut(events, wake);
      else if (chance < 0.4) wake([...events].reverse());
      else if (chance < 0.5) wake(events.map((event) => ({ ...event, position: 0 })));
      else if (chance < 0.7) wake([...events, ...events]);
      else if (chance < 0.8) wake(events);
      if (chance > 0.7) setTimeout(() => wake(chance > 0.9 ? [] : events.slice(-1)), this.#random() * LOOK_AGAIN_MS);
    };
  }

  /** The rest comes later: a wake-up that lacks the last event has to be followed by one that does not (`Wake`). */
  #cut(events: readonly EventRecord[], wake: Wake): void {
    wake(events.slice(0, 1));
    if (events.length > 1) setTimeout(() => wake(events.slice(1)), this.#random() * LOOK_AGAIN_MS);
  }
}

export function unavailable({ outcomeUnknown }: { outcomeUnknown: boolean }): EngineError {
  return new EngineError('ENGINE_UNAVAILABLE', 'the line is bad', { retryable: true, outcomeUnknown });
}

let eventCount = 0;

/** Events to append, each with an id of its own. */
export function someEvents(count: number, name = 'happened'): NewEvent[] {
  return Array.from({ length: count }, () => ({ id: `e${(eventCount += 1)}`, name, data: '{}', metadata: '{}' }));
}
