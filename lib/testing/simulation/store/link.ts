import { EngineError } from '../../../kernel/values/index.js';
import type { RequestFate, RequestKind, StoreRequest } from '../faults/index.js';
import type { SeededRandom, SimulatedProcess } from '../world/index.js';
import type { World } from './simulated-world.js';

/**
 * The link between one process and the store. Each call is a request that travels to the store, and an answer that
 * travels back. Either may be lost.
 */
export class Link {
  readonly cuts: Cuts;
  readonly process: SimulatedProcess;
  readonly #world: World;
  readonly #node: number;
  readonly #random: SeededRandom;
  readonly #wayMsMax: number;
  readonly #underWay = new Set<Promise<unknown>>();
  #isOpen = false;

  constructor(world: World, process: SimulatedProcess, node: number, cuts: Cuts) {
    this.#world = world;
    this.process = process;
    this.#node = node;
    this.cuts = cuts;
    this.#random = world.random.fork(`link of ${process.name}`);
    this.#wayMsMax = world.random.fork('ways to the store').pick(WAYS_MS_MAX);
  }

  open(): void {
    this.#isOpen = true;
  }

  /** Resolves when every request has its answer. */
  async close(): Promise<void> {
    this.#isOpen = false;
    await Promise.allSettled([...this.#underWay]);
  }

  request<T>(request: StoreRequest, execution: Execution<T>): Promise<T> {
    if (!this.#isOpen && request.kind !== 'open') {
      const message = 'the simulated engine is not open: call open() first, and no other method after close()';
      return Promise.reject(new EngineError('ENGINE_CLOSED', message));
    }
    const fate: RequestFate = {
      thereMs: this.#random.between(0.05, this.#wayMsMax),
      backMs: this.#random.between(0.05, this.#wayMsMax),
    };
    this.#world.faults.onRequest(fate, this.#node, request);
    const answer = new Promise<T>((resolve, reject) => {
      const sentAtMs = this.#world.time.nowMs;
      const lost = () => this.#loseTo(request, sentAtMs, reject);
      this.#world.time.after(fate.thereMs, () => {
        if (this.cuts.out) lost();
        else this.#arrive(request, execution, fate, { resolve, reject, lost });
      });
    });
    this.#underWay.add(answer);
    const settled = () => this.#underWay.delete(answer);
    answer.then(settled, settled);
    return answer;
  }

  #arrive<T>(
    request: StoreRequest,
    execution: Execution<T>,
    fate: RequestFate,
    to: { resolve(answer: T): void; reject(error: unknown): void; lost(): void },
  ): void {
    const { time } = this.#world;
    // A process that was killed has sent its request all the same.
    const back = (ms: number, tell: () => void) =>
      time.after(ms, () => (this.cuts.in ? to.lost() : tell()), this.process);
    const { refusal, lateMs } = fate;
    if (refusal) {
      this.#note(request, `is refused: ${refusal.code}`);
      back(fate.backMs, () => to.reject(refusal));
      return;
    }
    const late = lateMs === undefined ? undefined : execution.later?.();
    if (late) {
      if ('answer' in late) return void back(fate.backMs, () => to.resolve(late.answer));
      const doubtMs = this.#random.between(0, DOUBT_MS_MAX);
      this.#note(request, 'hangs in the store; its outcome is unknown');
      back(doubtMs, () => to.reject(inDoubt()));
      time.after((lateMs as number) + this.#random.between(0, doubtMs), late.run);
      return;
    }
    if (!ROUTINE.has(request.kind)) this.#note(request, 'is answered');
    Promise.resolve(execution.now()).then(
      (answer) => {
        if (fate.isInDoubt) this.#note(request, 'is done, but its answer is lost');
        back(fate.backMs, () => (fate.isInDoubt ? to.reject(inDoubt()) : to.resolve(answer)));
      },
      (error: unknown) => back(fate.backMs, () => to.reject(error)),
    );
  }

  #loseTo(request: StoreRequest, sentAtMs: number, reject: (error: unknown) => void): void {
    const { time } = this.#world;
    this.#note(request, 'is lost on the way');
    const message = `the simulated store gave no answer within ${REQUEST_TIMEOUT_MS} ms`;
    const error = new EngineError('ENGINE_TIMEOUT', message, { retryable: true, outcomeUnknown: request.writes });
    time.at(sentAtMs + REQUEST_TIMEOUT_MS, () => reject(error), this.process);
  }

  #note({ text, streamId }: StoreRequest, what: string): void {
    this.#world.trace.note(this.process.name, `${text} ${what}`, streamId);
  }
}

/**
 * Longest usual way to the store or back, in each kind of course. On a long way, others store meanwhile. Milliseconds.
 */
const WAYS_MS_MAX = [1.5, 1.5, 12] as const;
/** How long an engine waits for an answer before it gives up a request. Milliseconds. */
const REQUEST_TIMEOUT_MS = 1_000;
/** How soon a request in doubt is reported as such. Milliseconds. */
const DOUBT_MS_MAX = 40;

/** Requests that the trace need not show each time. */
const ROUTINE: ReadonlySet<RequestKind> = new Set<RequestKind>(['append', 'heartbeat', 'look']);

/** Which ways are cut. */
export interface Cuts {
  in: boolean;
  out: boolean;
}

/** A request that the store carries out at one moment. `later` is what it does instead when it is late. */
export interface Execution<T> {
  now(): T | Promise<T>;
  later?(): { run(): void } | { answer: T };
}

function inDoubt(): EngineError {
  const message = 'the connection to the simulated store broke before it answered';
  return new EngineError('ANSWER_LOST', message, { retryable: true, outcomeUnknown: true });
}
