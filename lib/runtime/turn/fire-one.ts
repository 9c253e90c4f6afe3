import type { CommandDefinition, CommandMethod } from '../../kernel/defining/actor-definition.js';

const method: CommandMethod = function (name, data) {
  (this as unknown as { fire(name: unknown, data: unknown): void }).fire(name, data);
};

/** What `ref.fire(name, data)` runs: a command of every actor. */
export const fireOne: CommandDefinition = { name: '$fire', method, onConflict: 'reapply' };
