import { Injectable } from '@nestjs/common';
import { ActorRepository, InjectActor } from 'omniscient-nest';
import { User } from './user.js';

@Injectable()
export class Logins {
  constructor(@InjectActor(User) private readonly users: ActorRepository<User>) {}

  /** Signs a new user up, logs in twice, once with a wrong password, and tells what came of it. */
  async run(): Promise<object> {
    const user = await this.users.get('ada');
    if (user.version === 0) await user.signUp('ada', 'secret');
    const token: string | undefined = await user.login('secret');
    await user.login('wrong');
    return { token, state: user.state, version: user.version };
  }
}
