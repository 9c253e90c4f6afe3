import { IsIn, IsInt, IsString, Length, Max, Min } from 'class-validator';
import { CARDS, type Card } from '../bank/bank.js';
import { MayBeLeftOut } from '../common/may-be-left-out.js';

export class SignUpDto {
  @IsString() @Length(8, 200) password!: string;
}

export class LoginDto {
  @IsString() @Length(1, 200) password!: string;
}

export class PaymentDto {
  @IsInt() @Min(1) @Max(100) lives!: number;
  @MayBeLeftOut() @IsIn(CARDS) card: Card = 'good';
}
