import { IsIn } from 'class-validator';
import type { Outcome } from '../bank/bank.js';

export class AnswerDto {
  @IsIn(['paid', 'declined']) outcome!: Outcome;
}
