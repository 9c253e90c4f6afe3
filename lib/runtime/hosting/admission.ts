import { ActorOverloadedError, DeadlockError, ShuttingDownError } from '../../kernel/values/index.js';
import type { RequestCause } from '../events/index.js';
import { assertNoDeadlock, labelIn, type Turn } from '../turn/index.js';
import type { Activation } from './activation.js';

/**
 * Checks that this activation accepts a command from this node. @throws ShuttingDownError, ActorOverloadedError or
 * DeadlockError.
 */
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
 * Checks that the mailbox has room. A `OneActor`'s commands count from the moment they are given or arrive until they
 * are answered, wherever they run. Commands whose callers got a `CommitTimeoutError` still count.
 *
 * @throws ActorOverloadedError.
 */
export function assertRoom({ loop, optimistic, leader, actorName, id, parts }: Activation): void {
  const { mailboxSizeMax } = parts.limits;
  const size = Math.max(loop.size + optimistic.pending.length, leader?.size ?? 0);
  if (size >= mailboxSizeMax) throw new ActorOverloadedError(actorName, id, mailboxSizeMax);
}

/**
 * Checks that the running turn does not wait for this call through other nodes, where it cannot be seen. If a turn in
 * the chain did not wait for what it called, it is over by now and another one runs.
 *
 * @throws DeadlockError.
 */
export function assertNoCircle({ loop, label }: Pick<Activation, 'loop' | 'label'>, { chain }: RequestCause): void {
  const { running } = loop;
  if (running?.place === undefined || running.evicted) return;
  const at = chain.indexOf(running.place);
  if (at !== -1) throw new DeadlockError([...chain.slice(at).map(labelIn), label]);
}
