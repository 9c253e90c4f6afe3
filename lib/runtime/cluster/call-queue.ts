import type { Environment, Timer } from '../../engine/environment/environment.js';
import { SYSTEM } from '../../engine/environment/system-environment.js';
import type { NoReply, Reply } from './remote-call.js';

/**
 * Calls of one actor that wait for one node's replies, in the order in which they were sent. A node that works through a long queue is not silent, so a
 * reply renews the wait of all that was sent after the call it answers; but not of what was sent before, which a node that runs one command after
 * another would have answered first: that one is lost. So it is always the oldest call whose time is up first, and there is one timer for all.
 */
export class CallQueue {
  onEmpty: () => void = () => {};
  readonly #environment: Environment;
  readonly #silentAfterMs: number;
  readonly #onSilent: (call: WaitingCall) => void;
  #oldest: WaitingCall | undefined;
  #newest: WaitingCall | undefined;
  #timer: Timer | undefined;

  constructor(silentAfterMs: number, onSilent: (call: WaitingCall) => void, environment: Environment = SYSTEM) {
    this.#environment = environment;
    this.#silentAfterMs = silentAfterMs;
    this.#onSilent = onSilent;
  }

  add(call: number, to: string, settle: WaitingCall['settle']): WaitingCall {
    const before = this.#newest;
    const waiting = {
      call,
      to,
      settle,
      queue: this,
      quietSinceMs: this.#environment.monotonicMs(),
      before,
      after: undefined,
    };
    if (before) before.after = waiting;
    else this.#oldest = waiting;
    this.#newest = waiting;
    this.#timer ??= this.#look(this.#silentAfterMs);
    return waiting;
  }

  /** It waits no longer: its reply came, or it was given up. */
  remove({ before, after, quietSinceMs }: WaitingCall, isReplied: boolean): void {
    if (before) before.after = after;
    else this.#oldest = after;
    if (after) after.before = before;
    else this.#newest = before;
    // What is heard of a call counts for all that were sent later; the next one bears it for them, until it is gone itself.
    const heardMs = isReplied ? this.#environment.monotonicMs() : quietSinceMs;
    if (after && after.quietSinceMs < heardMs) after.quietSinceMs = heardMs;
    if (this.#oldest) return;
    this.#environment.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.onEmpty();
  }

  #look(inMs: number): Timer {
    return this.#environment
      .setTimeout(() => {
        this.#timer = undefined;
        for (let oldest = this.#oldest; oldest; oldest = this.#oldest) {
          const leftMs = oldest.quietSinceMs + this.#silentAfterMs - this.#environment.monotonicMs();
          if (leftMs > 0) {
            this.#timer = this.#look(leftMs);
            return;
          }
          this.#onSilent(oldest);
        }
      }, inMs)
      .unref();
  }
}

/** A call that waits for its reply. */
export interface WaitingCall {
  /** The caller's own count of its calls. */
  readonly call: number;
  readonly to: string;
  readonly settle: (reply: Reply | NoReply) => void;
  readonly queue: CallQueue;
  /** Since when nothing was heard of this call or of one that was sent before it. */
  quietSinceMs: number;
  before: WaitingCall | undefined;
  after: WaitingCall | undefined;
}
