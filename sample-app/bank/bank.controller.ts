import { Body, Controller, Get, NotFoundException, Param, ParseUUIDPipe, Put } from '@nestjs/common';
import { IsBoolean } from 'class-validator';
import { Bank, type BookEntry } from './bank.js';

class BankDto {
  @IsBoolean() isBroken!: boolean;
}

/** For whoever plays the bank. */
@Controller('bank')
export class BankController {
  constructor(private readonly bank: Bank) {}

  @Put()
  change(@Body() { isBroken }: BankDto): void {
    this.bank.isBroken = isBroken;
  }

  @Get('book/:payment')
  book(@Param('payment', ParseUUIDPipe) payment: string): BookEntry {
    const entry = this.bank.entry(payment);
    if (!entry) throw new NotFoundException('the bank has never heard of that payment');
    return entry;
  }
}
