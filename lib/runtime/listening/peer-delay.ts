import { type Environment, sleep } from '../../engine/environment/environment.js';

/** How long one ear waits for others who listen to the same, so that they need not all react. */
export class PeerDelay {
  readonly #environment: Environment;
  #ms: number;
  /** When another node was last seen to go on. */
  #othersMovedMs = 0;

  /** @param hasLeader whether one of them leads: whoever does not waits from the beginning. */
  constructor(
    readonly hasLeader: boolean,
    environment: Environment,
  ) {
    this.#environment = environment;
    this.#ms = hasLeader ? PEER_DELAY_MS : 0;
  }

  get isNone(): boolean {
    return this.#ms === 0;
  }

  /** Whoever loses lets the other be first from now on; whoever wins need not wait. */
  settled(wasFirst: boolean): void {
    if (!this.hasLeader) this.#ms = wasFirst ? 0 : PEER_DELAY_MS;
  }

  /** Waits until others have heard this, or seem to do nothing. @param heardAt up to where it is heard; `undefined` if that no longer matters. */
  async wait(at: number, readAtMs: number, heardAt: () => number | undefined): Promise<void> {
    let fromMs = Math.max(readAtMs, this.#othersMovedMs);
    for (let before = heardAt(); before !== undefined && before < at; ) {
      const leftMs = fromMs + this.#ms - this.#environment.monotonicMs();
      if (leftMs <= 0) return;
      await sleep(this.#environment, Math.min(LOOK_MS, Math.max(1, leftMs)));
      const now = heardAt();
      // As long as they go on they are first.
      if (now !== undefined && now > before) fromMs = this.#othersMovedMs = this.#environment.monotonicMs();
      before = now;
    }
  }
}

/** Where another node was first the last time, it gets so long to be first again: from when the event was read here, or it was seen to go on. Milliseconds. */
const PEER_DELAY_MS = 250;
/** How often it is looked whether it does. Milliseconds. */
const LOOK_MS = 20;
