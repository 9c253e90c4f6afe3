import { type DynamicModule, Module } from '@nestjs/common';
import { EventSourcingModule } from 'omniscient-nest';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { GamesModule } from './games/games.module.js';
import { LiveModule } from './live/live.module.js';
import { PlayersModule } from './players/players.module.js';
import { UsersModule } from './users/users.module.js';

export interface AppOptions {
  /** Path of the SQLite file; several processes may share it. */
  database: string;
  /** This process among the others; the page shows who fired what. */
  nodeId: string;
}

@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: this is how Nest modules are made.
export class AppModule {
  static with({ database, nodeId }: AppOptions): DynamicModule {
    const engine = new SqliteEngine({ file: database });
    return {
      module: AppModule,
      imports: [EventSourcingModule.forRoot({ engine, nodeId }), UsersModule, PlayersModule, GamesModule, LiveModule],
    };
  }
}
