import { Ids } from '../../../kernel/values/index.js';
import { currentTurn } from '../../../runtime/turn/index.js';
import type { SimulatedEnvironment, SimulatedProcess } from '../world/index.js';
import type { Commands } from './commands.js';

/** The ids of one process. They record when and in which turn each was made. */
export class WatchedIds extends Ids {
  constructor(
    private readonly process: SimulatedProcess,
    private readonly environment: SimulatedEnvironment,
    private readonly commands: Commands,
  ) {
    super();
  }

  next(): string {
    const id = this.environment.uuid();
    this.commands.mint(id, this.process.name, currentTurn());
    return id;
  }
}
