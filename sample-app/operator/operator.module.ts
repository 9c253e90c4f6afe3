import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { BankModule } from '../bank/bank.module.js';
import { HealthController } from './health.controller.js';
import { OperatorController } from './operator.controller.js';
import { OperatorFeed } from './operator.feed.js';

@Module({
  imports: [TerminusModule, BankModule],
  controllers: [OperatorController, HealthController],
  providers: [OperatorFeed],
  exports: [OperatorFeed],
})
export class OperatorModule {}
