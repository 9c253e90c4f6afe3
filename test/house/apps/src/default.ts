import { Module } from '@nestjs/common';
import { EventSourcingModule } from 'omniscient-nest';
import { run } from './run.js';
import { UserModule } from './user.module.js';

@Module({ imports: [EventSourcingModule.forRoot(), UserModule] })
class AppModule {}

run(AppModule).catch((error: { code?: string }) => {
  console.error(error);
  process.exitCode = error.code === 'DRIVER_MISSING' ? 3 : 1;
});
