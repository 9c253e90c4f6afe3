/** A ticking actor, as the scheduler of its node sees it. */
export interface TickingActor {
  /** Of its schedule. */
  readonly key: string;
  /** Name of the actor class. */
  readonly actor: string;
  readonly id: string;
  readonly streamId: string;
  /** Version of the last stored event that it knows. */
  readonly version: number;
  readonly alive: boolean;
  /** This node makes it tick. */
  readonly owned: boolean;
  /** It ticks, and lives here: somebody has to make it tick. */
  readonly needsOwner: boolean;
  /** It is to tick by what is not stored yet. */
  readonly isStarting: boolean;
  /** For how long no tick has come although one was due. Milliseconds. */
  readonly overdueMs: number;
  /** This node makes it tick from now on; or another one does. */
  setOwned(owned: boolean): void;
  /** Its time is up. */
  fire(): void;
}
