import { Actor, Command, EventHandler, LiveActor } from 'omniscient-nest';
import { TokenService } from './token-service.js';

export interface UserState {
  logins: number;
  failedLogins: number;
  password?: string;
}

export interface UserEvents {
  signed_up: { username: string; password: string };
  logged_in: { token: string };
  invalid_login: object;
}

@Actor()
export class User extends LiveActor<UserState, UserEvents> {
  constructor(private readonly tokens: TokenService) {
    super();
  }

  initialState(): UserState {
    return { logins: 0, failedLogins: 0 };
  }

  @Command()
  signUp(username: string, password: string): void {
    this.fire('signed_up', { username, password });
  }

  @Command()
  login(password: string): string | undefined {
    if (password !== this.state.password) {
      this.fire('invalid_login');
      return undefined;
    }
    const token = this.tokens.issue();
    this.fire('logged_in', { token });
    return token;
  }

  @EventHandler()
  signed_up(data: UserEvents['signed_up']): void {
    this.state.password = data.password;
  }

  @EventHandler('logged_in')
  onLogin(): void {
    this.state.logins += 1;
  }

  @EventHandler('invalid_login')
  onInvalidLogin(): void {
    this.state.failedLogins += 1;
  }
}
