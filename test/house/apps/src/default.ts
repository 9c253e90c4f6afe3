import { Module } from '@nestjs/common';
import { EventSourcingModule } from 'omniscient-nest';
import { run } from './run.js';
import { UserModule } from './user.module.js';

@Module({ imports: [EventSourcingModule.forRoot(), UserModule] })
class AppModule {}

void run(AppModule);
