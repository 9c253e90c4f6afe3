import { type Environment, SYSTEM, type Timer } from '../../engine/environment/index.js';
import type { NoReply, Reply } from './remote-call.js';

/**
 * Calls for one actor that wait for one node's replies, in the order in which they were sent. A node that works through
 * a long queue is not silent. So a reply renews the wait of all calls that were sent after the one that it answers. It
 * does not renew the wait of earlier calls: a node that runs one command after another would have answered them first,
 * so they are lost. So the oldest call always times out first, and one timer serves all.
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

  /** It no longer waits: its reply came, or it was given up. */
  remove({ before, after, quietSinceMs }: WaitingCall, isReplied: boolean): void {
    if (before) before.after = after;
    else this.#oldest = after;
    if (after) after.before = before;
    else this.#newest = before;
    // A sign of life for one call counts for all later ones. The next call in the queue keeps it for them.
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
  /** The caller's own number for it. */
  readonly call: number;
  readonly to: string;
  readonly settle: (reply: Reply | NoReply) => void;
  readonly queue: CallQueue;
  /** Since when there was no reply to this call or to an earlier one. */
  quietSinceMs: number;
  before: WaitingCall | undefined;
  after: WaitingCall | undefined;
}
