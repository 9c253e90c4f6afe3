import { Body, Controller, Headers, HttpCode, Param, Post, UnauthorizedException } from '@nestjs/common';
import { ActorRepository, InjectActor } from 'omniscient-nest';
import { NamePipe } from '../common/name.js';
import { type PaymentRequested, User } from './user.js';
import { LoginDto, PaymentDto, SignUpDto } from './users.dto.js';

@Controller('users/:name')
export class UsersController {
  constructor(@InjectActor(User) private readonly users: ActorRepository<User>) {}

  @Post()
  async signUp(@Param('name', NamePipe) name: string, @Body() { password }: SignUpDto): Promise<void> {
    const user = await this.users.get(name);
    await user.signUp(password);
  }

  @Post('login')
  @HttpCode(200)
  async login(
    @Param('name', NamePipe) name: string,
    @Body() { password }: LoginDto,
    @Headers('user-agent') browser = 'unknown',
  ): Promise<{ token: string }> {
    const user = await this.users.get(name);
    const token = await user.login(password, browser);
    if (!token) throw new UnauthorizedException('name or password is wrong');
    return { token };
  }

  /** With an `Idempotency-Key`, a request that is sent again asks for no second payment, and gets the same answer. */
  @Post('payments')
  async pay(
    @Param('name', NamePipe) name: string,
    @Body() { lives, card }: PaymentDto,
    @Headers('idempotency-key') key?: string,
  ): Promise<PaymentRequested> {
    const user = await this.users.get(name);
    return key ? user.once(key).pay(lives, card) : user.pay(lives, card);
  }
}
