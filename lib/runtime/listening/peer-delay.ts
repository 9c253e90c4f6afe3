import { type Environment, sleep } from '../../engine/environment/index.js';

/**
 * How long a subscription waits for other nodes that listen to the same source, so that not all of them run the same
 * reaction.
 */
export class PeerDelay {
  readonly #environment: Environment;
  #ms: number;
  /** When another node was last seen to make progress. */
  #othersMovedMs = 0;

  /** @param hasLeader whether one node leads. The others then wait from the beginning. */
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

  /** A node that came second waits from now on. A node that came first need not wait. */
  settled(wasFirst: boolean): void {
    if (!this.hasLeader) this.#ms = wasFirst ? 0 : PEER_DELAY_MS;
  }

  /**
   * Waits until others have handled this event, or seem idle. @param heardAt returns how far the source was heard;
   * `undefined` if that no longer matters.
   */
  async wait(at: number, readAtMs: number, heardAt: () => number | undefined): Promise<void> {
    let fromMs = Math.max(readAtMs, this.#othersMovedMs);
    for (let before = heardAt(); before !== undefined && before < at; ) {
      const leftMs = fromMs + this.#ms - this.#environment.monotonicMs();
      if (leftMs <= 0) return;
      await sleep(this.#environment, Math.min(LOOK_MS, Math.max(1, leftMs)));
      const now = heardAt();
      // As long as they make progress, they go first.
      if (now !== undefined && now > before) fromMs = this.#othersMovedMs = this.#environment.monotonicMs();
      before = now;
    }
  }
}

/**
 * If another node came first last time, it gets this long to come first again, counted from when the event was read
 * here or the other node made progress. Milliseconds.
 */
const PEER_DELAY_MS = 250;
/** How often its progress is checked. Milliseconds. */
const LOOK_MS = 20;
