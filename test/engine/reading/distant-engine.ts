import type { Unwatch, Wake } from '../../../lib/engine/duties/follow.js';
import { MemoryEngine, type MemoryStore } from '../../../lib/engines/memory/index.js';
import type { EventRecord } from '../../../lib/kernel/values/event.js';
import type { VirtualEnvironment } from '../../support/virtual-environment.js';
import { unavailable } from './flaky-engine.js';

/** Milliseconds, at most. */
const WAY_MS_MAX = 8;
const WAKE_MS_MAX = 30;

/**
 * A memory engine at the other end of a long line. It keeps all that an engine has to, and nothing more: a page shows what was there when the question
 * arrived; wake-ups come late, several times, in another order, say nothing or only the last, and each commit is told of once it is stored: no later one
 * makes up for it. Now and then the line fails.
 */
export class DistantEngine extends MemoryEngine {
  readonly #environment: VirtualEnvironment;
  failing = 0;

  constructor(store: MemoryStore, environment: VirtualEnvironment) {
    super({ store, environment });
    this.#environment = environment;
  }

  override readStream(streamId: string, after: number, limit: number): Promise<EventRecord[]> {
    return this.#there(() => super.readStream(streamId, after, this.#some(limit)));
  }

  override readAll(...[after, limit, names]: Parameters<MemoryEngine['readAll']>) {
    return this.#there(() => super.readAll(after, this.#some(limit), names));
  }

  override lastPosition(): Promise<number> {
    return this.#there(() => super.lastPosition());
  }

  override watchStream(streamId: string, wake: Wake): Promise<Unwatch> {
    return this.#there(() => super.watchStream(streamId, this.#distorting(wake)));
  }

  override watchAll(wake: Wake): Promise<Unwatch> {
    return this.#there(() => super.watchAll(this.#distorting(wake)));
  }

  async #there<T>(ask: () => Promise<T>): Promise<T> {
    const { random } = this.#environment;
    await this.#environment.sleep(random() * WAY_MS_MAX);
    if (random() < this.failing) throw unavailable({ outcomeUnknown: false });
    const answer = await ask();
    await this.#environment.sleep(random() * WAY_MS_MAX);
    return answer;
  }

  #some(limit: number): number {
    return this.#environment.random() < 0.5 ? limit : 1 + Math.floor(this.#environment.random() * 3);
  }

  #distorting(wake: Wake): Wake {
    const { random } = this.#environment;
    return (events) => {
      for (let times = random() < 0.2 ? 2 : 1; times > 0; times -= 1) {
        const chance = random();
        const hint =
          chance < 0.4 ? [] : chance < 0.6 ? events.slice(-1) : chance < 0.7 ? [...events].reverse() : events;
        this.#environment.setTimeout(() => wake(hint), random() * WAKE_MS_MAX);
      }
    };
  }
}
