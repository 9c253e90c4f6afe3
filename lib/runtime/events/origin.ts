import { AsyncLocalStorage } from 'node:async_hooks';
import { OmniscientError } from '../../kernel/values/errors.js';
import { shownText, textFault } from '../../kernel/values/text.js';
import type { Origin } from './cause.js';

/**
 * Runs this as a part of something larger, an HTTP request say: events of all commands that are given in it, however many awaits deep and on whichever node
 * they run, and of all reactions to those, bear this `correlationId`.
 *
 * @param causationId id of the event or message that directly led to it; `null` (default) if it came from outside.
 * @throws OmniscientError (`INVALID_CORRELATION`) when an id is no string (a header that was not sent, say), or longer than 1,000 characters; `work` is not run.
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

/** Longest id that is written into events as what they are a part of, in UTF-16 code units. */
const CORRELATION_LENGTH_MAX = 1_000;

const origins = new AsyncLocalStorage<Origin>();

/** What the calling code is a part of. */
export function currentOrigin(): Origin | undefined {
  return origins.getStore();
}

/** Types do not hold here: the id often comes from outside, and what is written into an event stays there. */
function assertId(what: string, id: unknown): void {
  const fault = textFault(id, CORRELATION_LENGTH_MAX);
  if (fault === undefined) return;
  const instead = what === 'correlationId' ? 'make a new one where none was given' : 'leave it out where there is none';
  throw new OmniscientError('INVALID_CORRELATION', `the ${what} ${shownText(id)} ${fault}: ${instead}`);
}
