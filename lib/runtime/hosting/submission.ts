import { keptAlive } from '../../engine/environment/index.js';
import type { CommandDefinition } from '../../kernel/defining/index.js';
import { mayRunAgain, NestedCalls } from '../commit/index.js';
import { currentOrigin } from '../events/index.js';
import { causeOf, currentTurn, type Turn } from '../turn/index.js';
import type { Activation } from './activation.js';
import type { ActivationHost } from './activation-host.js';
import { assertAccepts } from './admission.js';

/**
 * Gives a command to an actor, from outside or inside another actor's turn. The promise settles when its commit is
 * durable or has failed.
 */
export function submit(
  activation: Activation,
  host: ActivationHost<Activation>,
  command: CommandDefinition,
  args: readonly unknown[],
): Promise<unknown> {
  const caller = currentTurn();
  if (!caller || !mayRunAgain(caller.request)) {
    return give(activation, host, command, args, caller, host.parts.ids.next());
  }
  const { request } = caller;
  request.nestedCalls ??= new NestedCalls(request.cause.commandId);
  return request.nestedCalls.answer(
    caller,
    activation,
    { command: command.name, args },
    {
      give: (commandId) => give(activation, host, command, args, caller, commandId),
      wait: (answer) => caller.waitFor(answer, activation.loop),
    },
  );
}

function give(
  activation: Activation,
  host: ActivationHost<Activation>,
  command: CommandDefinition,
  args: readonly unknown[],
  caller: Turn | undefined,
  commandId: string,
): Promise<unknown> {
  const cause = causeOf(commandId, caller, currentOrigin());
  const trace = activation.trace(command, args, cause, true);
  try {
    assertAccepts(activation, host.closing, caller, cause);
  } catch (error) {
    trace?.failed(error);
    return Promise.reject(error);
  }
  if (!activation.leader) return activation.enqueue(command, args, cause, caller, trace && { trace }).promise;
  activation.used = true;
  const answer = keptAlive(host.parts.environment, activation.leader.run(command, args, cause, { trace }));
  host.busy(activation);
  caller?.waitFor(answer, activation.loop);
  return answer;
}
