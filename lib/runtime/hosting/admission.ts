import { ActorOverloadedError, DeadlockError, ShuttingDownError } from '../../kernel/values/errors.js';
import type { RequestCause } from '../events/cause.js';
import { assertNoDeadlock, labelIn, type Turn } from '../turn/turn.js';
import type { Activation } from './activation.js';

/** Throws unless this activation takes a command from this node. @throws ShuttingDownError, ActorOverloadedError or DeadlockError. */
export function assertAccepts(
  activation: Activation,
  isClosing: boolean,
  caller: Turn | undefined,
  cause: RequestCause,
): void {
  if (isClosing && !caller) throw new ShuttingDownError();
  assertRoom(activation);
  if (!caller) return;
  assertNoDeadlock(caller, activation.loop);
  assertNoCircle(activation, cause);
}

/**
 * A `OneActor`'s commands count from the moment they are given or arrive here until they are answered, wherever they run; those whose callers have been
 * told that storing takes too long are pending still.
 *
 * @throws ActorOverloadedError.
 */
export function assertRoom({ loop, optimistic, leader, actorName, id, parts }: Activation): void {
  const { mailboxSizeMax } = parts.limits;
  const size = Math.max(loop.size + optimistic.pending.length, leader?.size ?? 0);
  if (size >= mailboxSizeMax) throw new ActorOverloadedError(actorName, id, mailboxSizeMax);
}

/**
 * Throws if the turn that runs here waits for this call by way of other nodes, where nobody can see it. A turn of the chain that did not wait for what it
 * called is over by now, and another one runs.
 *
 * @throws DeadlockError.
 */
export function assertNoCircle({ loop, label }: Pick<Activation, 'loop' | 'label'>, { chain }: RequestCause): void {
  const { running } = loop;
  if (running?.place === undefined || running.evicted) return;
  const at = chain.indexOf(running.place);
  if (at !== -1) throw new DeadlockError([...chain.slice(at).map(labelIn), label]);
}
