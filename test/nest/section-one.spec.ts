import { afterEach, describe, it } from '@jest/globals';
import { Body, Controller, type INestApplication, Injectable, Module, Param, Post } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Actor,
  ActorRepository,
  Command,
  EventHandler,
  EventSourcingModule,
  InjectActor,
  LiveActor,
} from 'omniscient-nest';
import { MemoryEngine } from 'omniscient-nest/memory';
import request from 'supertest';

interface UserState {
  loggedIn: boolean;
  failedLogins: number;
  password?: string;
}
interface UserEvents {
  signed_up: { username: string; password: string };
  logged_in: { token: string; browserFingerprint: object };
  invalid_login: { browserFingerprint: object };
}

@Injectable()
class TokenService {
  issue(): string {
    return 'a-token';
  }
}

@Actor()
class User extends LiveActor<UserState, UserEvents> {
  constructor(private readonly tokens: TokenService) {
    super();
  }

  initialState(): UserState {
    return { loggedIn: false, failedLogins: 0 };
  }

  @Command()
  login(password: string, browserFingerprint: object): string | undefined {
    if (password !== this.state.password) {
      this.fire('invalid_login', { browserFingerprint });
      return;
    }
    const token = this.tokens.issue();
    this.fire('logged_in', { token, browserFingerprint });
    return token;
  }

  @EventHandler() signed_up(data: UserEvents['signed_up']) {
    this.state.password = data.password;
  }
  @EventHandler('logged_in') onLogin() {
    this.state.loggedIn = true;
  }
  @EventHandler('invalid_login') onBadLogin() {
    this.state.failedLogins += 1;
  }
}

class LoginDto {
  password!: string;
  browserFingerprint!: object;
}

@Controller('users')
class UserController {
  constructor(@InjectActor(User) private readonly users: ActorRepository<User>) {}
  @Post(':id/login') async login(@Param('id') id: string, @Body() dto: LoginDto) {
    const user = await this.users.get(id);
    return { token: await user.login(dto.password, dto.browserFingerprint) };
  }
  @Post(':id') async signUp(@Param('id') id: string, @Body() dto: { password: string }) {
    await (await this.users.get(id)).fire('signed_up', { username: id, password: dto.password });
  }
}

@Module({
  imports: [EventSourcingModule.forFeature([User])],
  controllers: [UserController],
  providers: [TokenService],
})
class UsersModule {}

describe('section 1 of the design, in a Nest application', () => {
  let app: INestApplication | undefined;
  afterEach(() => app?.close());

  it('logs in over HTTP, with a provider of the feature module injected into the actor', async () => {
    const testing = await Test.createTestingModule({
      imports: [EventSourcingModule.forRoot({ engine: new MemoryEngine() }), UsersModule],
    }).compile();
    app = await testing.createNestApplication().init();
    const server = request(app.getHttpServer());
    await server.post('/users/anna').send({ password: 'secret' }).expect(201);
    await server.post('/users/anna/login').send({ password: 'wrong', browserFingerprint: {} }).expect(201, {});
    await server
      .post('/users/anna/login')
      .send({ password: 'secret', browserFingerprint: {} })
      .expect(201, { token: 'a-token' });
  });
});
