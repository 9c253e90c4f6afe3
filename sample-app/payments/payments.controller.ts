import {
  Body,
  Controller,
  ForbiddenException,
  Get,
  Headers,
  HttpCode,
  Param,
  ParseUUIDPipe,
  Post,
} from '@nestjs/common';
import { type ActorRef, ActorRepository, InjectActor } from 'omniscient-nest';
import { isFromBank } from '../bank/bank.js';
import { Payment } from './payment.js';
import { AnswerDto } from './payments.dto.js';

@Controller('payments/:id')
export class PaymentsController {
  constructor(@InjectActor(Payment) private readonly payments: ActorRepository<Payment>) {}

  @Get()
  async show(@Param('id', ParseUUIDPipe) id: string): Promise<ActorRef<Payment>['state']> {
    const payment = await this.payments.get(id);
    return payment.state;
  }

  /** What the bank calls. */
  @Post('answer')
  @HttpCode(200)
  async answer(
    @Param('id', ParseUUIDPipe) id: string,
    @Body() { outcome }: AnswerDto,
    @Headers('x-bank-signature') signature = '',
  ): Promise<void> {
    if (!isFromBank(id, outcome, signature)) throw new ForbiddenException('that is not what the bank signed');
    const payment = await this.payments.get(id);
    await payment.answer(outcome);
  }
}
