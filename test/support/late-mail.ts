import { MemoryEngine, type MemoryStore } from 'omniscient-nest/memory';
import type { NodeMessage } from '../../lib/engine/duties/messages.js';
import type { NodeRecord } from '../../lib/engine/duties/nodes.js';
import { EngineError } from '../../lib/kernel/values/errors.js';
import type { VirtualEnvironment } from './virtual-environment.js';

/** Shares of messages, and of moments, to which something happens. */
export interface Mischief {
  lost: number;
  doubled: number;
  late: number;
  /** Longest that one is late. Milliseconds. */
  lateMsMax: number;
  /** Shares of appends that are refused for good, and whose answer is lost. */
  refused?: number;
  unanswered?: number;
}

/** An engine in memory whose messages get lost, come twice, late and in another order; and whose heartbeats and appends can be held up. */
export class LateMailEngine extends MemoryEngine {
  readonly #world: VirtualEnvironment;
  readonly #mischief: Mischief;
  /** No heartbeat is written before this time. */
  beatsFromMs = 0;
  /** Nothing that comes for this node is handed over before this time. */
  mailFromMs = 0;
  /** The process is gone: nothing that it does has an effect any more, and nothing comes to it. */
  isKilled = false;
  /** An append takes so long. Milliseconds. */
  appendMsMax = 2;

  constructor(store: MemoryStore, world: VirtualEnvironment, mischief: Mischief) {
    super({ store, environment: world });
    this.#world = world;
    this.#mischief = mischief;
  }

  override async append(request: Parameters<MemoryEngine['append']>[0]) {
    await this.#world.sleep(this.#world.random() * this.appendMsMax);
    await this.#alive();
    const { refused = 0, unanswered = 0 } = this.#mischief;
    if (this.#world.random() < refused) throw new EngineError('REFUSED', 'this append is refused');
    const result = await super.append(request);
    await this.#world.sleep(this.#world.random() * this.appendMsMax);
    await this.#alive();
    if (this.#world.random() < unanswered)
      throw new EngineError('ENGINE_UNAVAILABLE', 'the answer was lost', { retryable: true, outcomeUnknown: true });
    return result;
  }

  override async beat(node: NodeRecord): Promise<void> {
    await this.#alive();
    if (this.#world.monotonicMs() >= this.beatsFromMs) await super.beat(node);
  }

  override async send(messages: readonly NodeMessage[]): Promise<void> {
    await this.#alive();
    const { lost, doubled } = this.#mischief;
    for (const message of messages) {
      if (this.#world.random() < lost) continue;
      const copies = this.#world.random() < doubled ? 2 : 1;
      for (let n = 0; n < copies; n += 1) this.#world.setTimeout(() => void this.#deliver(message), this.#delayMs());
    }
  }

  override async receive(nodeId: string, deliver: (texts: readonly string[]) => void) {
    return super.receive(nodeId, (texts) => {
      const take = () => {
        if (!this.isKilled) deliver(texts);
      };
      const waitMs = this.mailFromMs - this.#world.monotonicMs();
      if (waitMs <= 0) take();
      else this.#world.setTimeout(take, waitMs);
    });
  }

  /** What is on its way arrives also when its sender is gone. */
  async #deliver(message: NodeMessage): Promise<void> {
    await super.send([message]).catch(() => {});
  }

  /** Never resolves for a process that is gone. */
  async #alive(): Promise<void> {
    if (this.isKilled) await new Promise(() => {});
  }

  #delayMs(): number {
    const { late, lateMsMax } = this.#mischief;
    return this.#world.random() * (this.#world.random() < late ? lateMsMax : 2);
  }
}
