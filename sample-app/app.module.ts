import { type DynamicModule, Module } from '@nestjs/common';
import { EventSourcingModule, type EventSourcingOptions } from 'omniscient-nest';
import { BankModule } from './bank/bank.module.js';
import { DemoModule } from './demo/demo.module.js';
import { GamesModule } from './games/games.module.js';
import { LeadersModule } from './leaders/leaders.module.js';
import { LiveModule } from './live/live.module.js';
import { OperatorModule } from './operator/operator.module.js';
import { PaymentsModule } from './payments/payments.module.js';
import { PlayersModule } from './players/players.module.js';
import { RequestsModule } from './requests/requests.module.js';
import { RoundsModule } from './rounds/rounds.module.js';
import { TablesModule } from './tables/tables.module.js';
import { UsersModule } from './users/users.module.js';

export interface AppOptions {
  /** Where the events go. */
  engine: EventSourcingOptions['engine'];
  /** The file of the game's own tables. */
  tables: string;
  /** This process among the others; the page shows who fired what. */
  nodeId: string;
}

/** A folder for each: accounts and lives; rooms and their clocks; payments and the bank; what is made of the events; and what operators look at. */
const FEATURES = [
  UsersModule,
  PlayersModule,
  GamesModule,
  RoundsModule,
  PaymentsModule,
  BankModule,
  LeadersModule,
  OperatorModule,
  RequestsModule,
  LiveModule,
  DemoModule,
];

@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: this is how Nest modules are made.
export class AppModule {
  static with({ engine, tables, nodeId }: AppOptions): DynamicModule {
    const root = EventSourcingModule.forRoot(engine ? { engine, nodeId } : { nodeId });
    return { module: AppModule, imports: [root, TablesModule.in(tables), ...FEATURES] };
  }
}
