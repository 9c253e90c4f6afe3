import { type DynamicModule, Module } from '@nestjs/common';
import { EventSourcingModule, type EventSourcingOptions } from 'omniscient-nest';
import { GamesModule } from './games/games.module.js';
import { LiveModule } from './live/live.module.js';
import { PlayersModule } from './players/players.module.js';
import { UsersModule } from './users/users.module.js';

export interface AppOptions {
  /** Where the events go. */
  engine: EventSourcingOptions['engine'];
  /** This process among the others; the page shows who fired what. */
  nodeId: string;
}

@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: this is how Nest modules are made.
export class AppModule {
  static with({ engine, nodeId }: AppOptions): DynamicModule {
    const root = EventSourcingModule.forRoot(engine ? { engine, nodeId } : { nodeId });
    return {
      module: AppModule,
      imports: [root, UsersModule, PlayersModule, GamesModule, LiveModule],
    };
  }
}
