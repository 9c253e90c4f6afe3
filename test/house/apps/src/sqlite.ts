import { Module } from '@nestjs/common';
import { EventSourcingModule } from 'omniscient-nest';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { run } from './run.js';
import { UserModule } from './user.module.js';

@Module({ imports: [EventSourcingModule.forRoot({ engine: new SqliteEngine({ file: 'users.db' }) }), UserModule] })
class AppModule {}

void run(AppModule);
