import { Module } from '@nestjs/common';
import { EventSourcingModule } from 'omniscient-nest';
import { MemoryEngine } from 'omniscient-nest/memory';
import { run } from './run.js';
import { UserModule } from './user.module.js';

@Module({ imports: [EventSourcingModule.forRoot({ engine: new MemoryEngine() }), UserModule] })
class AppModule {}

void run(AppModule);
