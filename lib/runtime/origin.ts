import { AsyncLocalStorage } from 'node:async_hooks';
import type { Origin } from './request.js';

const origins = new AsyncLocalStorage<Origin>();

/**
 * Runs this as a part of something larger, an HTTP request say: events of all commands that are given in it, however many awaits deep and on whichever node
 * they run, and of all reactions to those, bear this `correlationId`.
 *
 * @param causationId id of the event or message that directly led to it; `null` (default) if it came from outside.
 * @example
 * ```ts
 * import { type ActorRef, Actor, Command, LiveActor, withCorrelation } from 'omniscient-nest';
 *
 * @Actor()
 * class Account extends LiveActor<{ balance: number }, { paid: { amount: number } }> {
 *   initialState() {
 *     return { balance: 0 };
 *   }
 *
 *   @Command() pay(amount: number) {
 *     this.fire('paid', { amount });
 *   }
 * }
 *
 * export const onMessage = (account: ActorRef<Account>, message: { id: string; amount: number }) =>
 *   withCorrelation(message.id, () => account.pay(message.amount));
 * ```
 */
export function withCorrelation<T>(correlationId: string, work: () => T, causationId: string | null = null): T {
  return origins.run({ correlationId, causationId }, work);
}

/** What the calling code is a part of. */
export function currentOrigin(): Origin | undefined {
  return origins.getStore();
}
