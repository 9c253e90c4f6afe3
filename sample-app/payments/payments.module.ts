import { Module } from '@nestjs/common';
import { EventSourcingModule } from 'omniscient-nest';
import { BankModule } from '../bank/bank.module.js';
import { OwnAddress } from '../common/own-address.js';
import { User } from '../users/user.js';
import { Payment } from './payment.js';
import { PaymentsController } from './payments.controller.js';
import { PaymentsFeed } from './payments.feed.js';

@Module({
  imports: [EventSourcingModule.forFeature([Payment, User]), BankModule],
  controllers: [PaymentsController],
  providers: [OwnAddress, PaymentsFeed],
  exports: [PaymentsFeed],
})
export class PaymentsModule {}
