import { AsyncLocalStorage } from 'node:async_hooks';
import { OmniscientError, shownText, textFault } from '../../kernel/values/index.js';
import type { Origin } from './cause.js';

/**
 * Runs work as part of something larger, such as an HTTP request. Events of all commands that are given in it, across
 * any number of awaits and on whichever node they run, and of all reactions to those events, have this `correlationId`.
 *
 * @param correlationId 1 to 1,000 characters.
 * @param work is called once, at once.
 * @param causationId the id of the event or message that directly led to it, of 1 to 1,000 characters; `null` (default)
 *   if it came from outside.
 * @returns the result of `work`.
 * @throws OmniscientError (`INVALID_CORRELATION`) when an id is not a string (a missing header, for instance), is empty
 *   or too long. `work` is then not run.
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
  assertId('correlationId', correlationId);
  if (causationId !== null) assertId('causationId', causationId);
  return origins.run({ correlationId, causationId }, work);
}

/** The longest correlation or causation id, in UTF-16 code units. */
const CORRELATION_LENGTH_MAX = 1_000;

const origins = new AsyncLocalStorage<Origin>();

/** The origin that the calling code belongs to. */
export function currentOrigin(): Origin | undefined {
  return origins.getStore();
}

/** It is checked at run time, because the id often comes from outside and stays in the event for good. */
function assertId(what: string, id: unknown): void {
  const fault = textFault(id, CORRELATION_LENGTH_MAX);
  if (fault === undefined) return;
  const instead =
    what === 'correlationId' ? 'create a new one if the caller sent none' : 'leave it out if there is none';
  throw new OmniscientError('INVALID_CORRELATION', `the ${what} ${shownText(id)} ${fault}: ${instead}`);
}
