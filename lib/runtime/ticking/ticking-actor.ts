/** A ticking actor, as its node's scheduler sees it. */
export interface TickingActor {
  /** The key of its schedule. */
  readonly key: string;
  /** Name of the actor class. */
  readonly actor: string;
  readonly id: string;
  readonly streamId: string;
  /** The version of the last stored event that it knows. */
  readonly version: number;
  readonly alive: boolean;
  /** Whether this node makes it tick. */
  readonly owned: boolean;
  /** Whether it ticks and is loaded here, so that some node has to make it tick. */
  readonly needsOwner: boolean;
  /** Whether a pending event starts ticking. */
  readonly isStarting: boolean;
  /** How long a due tick has not come. Milliseconds. */
  readonly overdueMs: number;
  /** How many writes are under way that claim its schedule. It must stay loaded until they are answered. */
  claims: number;
  /** Sets whether this node makes it tick from now on. */
  setOwned(owned: boolean): void;
  /** Its time has come. */
  fire(): void;
}
