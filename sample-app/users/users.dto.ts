import { IsIn, IsInt, IsOptional, IsString, Length, Max, Min } from 'class-validator';
import { CARDS, type Card } from '../bank/bank.js';

export class SignUpDto {
  @IsString() @Length(8, 200) password!: string;
}

export class LoginDto {
  @IsString() @Length(1, 200) password!: string;
}

export class PaymentDto {
  @IsInt() @Min(1) @Max(100) lives!: number;
  @IsOptional() @IsIn(CARDS) card: Card = 'good';
}
