import { type DynamicModule, Module } from '@nestjs/common';
import { TABLES_FILE, Tables } from './tables.js';

/** One database for all features that keep tables. */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: this is how Nest modules are made.
export class TablesModule {
  static in(file: string): DynamicModule {
    return {
      module: TablesModule,
      global: true,
      providers: [{ provide: TABLES_FILE, useValue: file }, Tables],
      exports: [Tables],
    };
  }
}
