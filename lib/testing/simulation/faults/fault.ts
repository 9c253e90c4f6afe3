import type { EngineError } from '../../../kernel/values/index.js';
import type { SeededRandom } from '../world/index.js';

/** One fault of a course. */
export interface Fault {
  readonly id: string;
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly untilMs: number;
  /** The number of the node that it concerns; all nodes if there is none. */
  readonly node: number | undefined;
  /** Which share of the requests, wake-ups or messages it hits, from 0 to 1. */
  readonly share: number;
  readonly random: SeededRandom;
}

/** The duty of an engine that a request belongs to. */
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

/** A request of a node to the store. */
export interface StoreRequest {
  readonly kind: RequestKind;
  /** Whether it changes what is stored. */
  readonly writes: boolean;
  /** Its text in the trace. */
  readonly text: string;
  readonly streamId?: string | undefined;
}

/** What happens to a request. */
export interface RequestFate {
  /** How long the request and the answer travel. Milliseconds. */
  thereMs: number;
  backMs: number;
  /** The store does nothing and gives this error. */
  refusal?: EngineError | undefined;
  /** The request is carried out, but its answer says that the outcome is unknown. */
  isInDoubt?: boolean;
  /**
   * The answer says that the outcome is unknown. The request is carried out only so long after that, if it still can
   * be. Milliseconds.
   */
  lateMs?: number;
}

/** What happens to a wake-up. */
export interface WakeFate {
  /**
   * How long after the commit each wake-up comes. Milliseconds. If there is none, it is lost, and the engine looks
   * again by itself.
   */
  delaysMs: number[];
  hint: 'all' | 'none' | 'some' | 'disordered';
}

/** What happens to a message. */
export interface MessageFate {
  isLost: boolean;
  /** It comes again after this time. Milliseconds. */
  againAfterMs?: number;
  /** The mailbox delivers nothing for this time. Milliseconds. */
  stallMs: number;
}

/** What faults can do to a node. */
export interface FaultyNode {
  readonly name: string;
  kill(): void;
  restart(): void;
  freeze(): void;
  thaw(): void;
  shutDown(): void;
  /** Lets it start with this generation of the code from now on. */
  deploy(generation: number): void;
  cut(direction: 'in' | 'out', isCut: boolean): void;
  setClock(offsetMs: number): void;
  clockOffsetMs: number;
}

/** What faults can do to the store. */
export interface FaultyStore {
  stallLog(untilMs: number): void;
}

/** One kind of fault. */
export interface FaultKind {
  readonly name: string;
  /** How long it lasts, at least and at most. Milliseconds. */
  readonly forMs: readonly [min: number, max: number];
  /** Whether it lasts from the very beginning. */
  readonly isFromBeginning?: boolean;
  /** Whether it concerns one node. Otherwise it concerns one or all. */
  readonly isOfOneNode?: boolean;
  /** The share that it hits, at least and at most, from 0 to 1. */
  readonly share?: readonly [min: number, max: number];
  /** Whether it may hit this request. */
  concerns?(request: StoreRequest): boolean;
  onRequest?(fate: RequestFate, random: SeededRandom): void;
  onWake?(fate: WakeFate, random: SeededRandom): void;
  onMessage?(fate: MessageFate, random: SeededRandom): void;
  begin?(nodes: readonly FaultyNode[], fault: Fault, store: FaultyStore): void;
  end?(nodes: readonly FaultyNode[], fault: Fault): void;
}
