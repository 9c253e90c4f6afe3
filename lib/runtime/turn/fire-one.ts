import type { CommandDefinition, CommandMethod } from '../../kernel/defining/index.js';

const method: CommandMethod = function (name, data) {
  (this as unknown as { fire(name: unknown, data: unknown): void }).fire(name, data);
};

/** The command behind `ref.fire(name, data)`. Every actor has it. */
export const fireOne: CommandDefinition = { name: '$fire', method, onConflict: 'reapply' };
