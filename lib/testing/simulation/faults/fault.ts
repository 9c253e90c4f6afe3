import type { EngineError } from '../../../kernel/values/errors.js';
import type { SeededRandom } from '../world/seeded-random.js';

/** One fault of a course. */
export interface Fault {
  readonly id: string;
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly untilMs: number;
  /** Whom it concerns: one node, by its number, or all. */
  readonly node: number | undefined;
  /** How many requests, wake-ups or messages it concerns, out of one. */
  readonly share: number;
  readonly random: SeededRandom;
}

/** Which duty of an engine a request belongs to. */
export type RequestKind =
  | 'append'
  | 'read'
  | 'watch'
  | 'load-snapshot'
  | 'save-snapshot'
  | 'load-checkpoint'
  | 'save-checkpoint'
  | 'schedules'
  | 'heartbeat'
  | 'look'
  | 'send'
  | 'receive'
  | 'open';

/** What a node asks of the store. */
export interface StoreRequest {
  readonly kind: RequestKind;
  /** Whether it changes what is stored. */
  readonly writes: boolean;
  /** For the trace. */
  readonly text: string;
  readonly streamId?: string | undefined;
}

/** What becomes of a request. */
export interface RequestFate {
  /** How long it takes to the store, and the answer back. Milliseconds. */
  thereMs: number;
  backMs: number;
  /** The store does nothing, and says why. */
  refusal?: EngineError | undefined;
  /** It is done, and the answer says that nobody knows. */
  isInDoubt?: boolean;
  /** It is answered with "nobody knows", and done only so long after that, if it still can be. Milliseconds. */
  lateMs?: number;
}

/** What becomes of a wake-up. */
export interface WakeFate {
  /** How long after the commit it comes, each time that it does. Milliseconds. None: it is lost, and the engine looks again by itself. */
  delaysMs: number[];
  hint: 'all' | 'none' | 'some' | 'disordered';
}

/** What becomes of a message. */
export interface MessageFate {
  isLost: boolean;
  /** It comes again so long after. Milliseconds. */
  againAfterMs?: number;
  /** The mailbox stands still for so long. Milliseconds. */
  stallMs: number;
}

/** What can be done to a node. */
export interface FaultyNode {
  readonly name: string;
  kill(): void;
  restart(): void;
  freeze(): void;
  thaw(): void;
  shutDown(): void;
  /** Starts, from now on, with this generation of the code. */
  deploy(generation: number): void;
  cut(direction: 'in' | 'out', isCut: boolean): void;
  setClock(offsetMs: number): void;
  clockOffsetMs: number;
}

/** What can be done to the store. */
export interface FaultyStore {
  stallLog(untilMs: number): void;
}

/** One kind of fault. */
export interface FaultKind {
  readonly name: string;
  /** How long it lasts, at least and at most. Milliseconds. */
  readonly forMs: readonly [min: number, max: number];
  /** From the very beginning. */
  readonly isFromBeginning?: boolean;
  /** Concerns one node; otherwise all, or one. */
  readonly isOfOneNode?: boolean;
  /** How many out of one it concerns, at least and at most. */
  readonly share?: readonly [min: number, max: number];
  /** Which requests may be hit. */
  concerns?(request: StoreRequest): boolean;
  onRequest?(fate: RequestFate, random: SeededRandom): void;
  onWake?(fate: WakeFate, random: SeededRandom): void;
  onMessage?(fate: MessageFate, random: SeededRandom): void;
  begin?(nodes: readonly FaultyNode[], fault: Fault, store: FaultyStore): void;
  end?(nodes: readonly FaultyNode[], fault: Fault): void;
}
