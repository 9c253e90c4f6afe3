import type { ActorBase } from '../../../kernel/declaring/index.js';
import type { ActorDefinition, CommandDefinition, CommandMethod } from '../../../kernel/defining/index.js';
import { currentTurn } from '../../../runtime/turn/index.js';
import type { Commands } from './commands.js';

/** Returns the same actor class, with a record of when its commands run and how many events they fire. */
export function watched(
  definition: ActorDefinition,
  newActor: () => AnyActor,
  commands: Commands,
): { definition: ActorDefinition; newActor: () => AnyActor } {
  const watchedCommands = new Map<string, CommandDefinition>();
  for (const [name, command] of definition.commands) {
    watchedCommands.set(name, { ...command, method: watchedMethod(command.method, commands) });
  }
  return {
    definition: { ...definition, commands: watchedCommands },
    newActor: () => watchFiring(newActor(), commands),
  };
}

type AnyActor = ActorBase<object, object>;

function watchedMethod(method: CommandMethod, commands: Commands): CommandMethod {
  return function (...args) {
    const turn = currentTurn();
    if (turn) commands.ran(turn);
    return method.apply(this, args as unknown[]);
  };
}

function watchFiring(actor: AnyActor, commands: Commands): AnyActor {
  const { fire } = actor as unknown as { fire(name: string, ...data: unknown[]): void };
  const watchedFire = function (this: unknown, name: string, ...data: unknown[]): void {
    fire.call(this, name, ...data);
    const turn = currentTurn();
    if (turn) commands.fired(turn);
  };
  Object.defineProperty(actor, 'fire', { value: watchedFire, configurable: true });
  return actor;
}
