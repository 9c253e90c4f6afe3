import { Module } from '@nestjs/common';
import { BankController } from './bank.controller.js';
import { Bank } from './bank.js';

@Module({ controllers: [BankController], providers: [Bank], exports: [Bank] })
export class BankModule {}
