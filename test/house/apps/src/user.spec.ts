import { Given } from 'omniscient-nest/testing';
import { TokenService } from './token-service.js';
import { User } from './user.js';

describe('A user', () => {
  it('logs in', async () => {
    await Given('a user who signed up', [{ name: 'signed_up', data: { username: 'ada', password: 'secret' } }])
      .With(TokenService, { issue: () => 'test-token' })
      .When(User, 'login', 'secret')
      .Then([{ name: 'logged_in', data: { token: '{string}' } }])
      .AndState({ logins: 1, failedLogins: 0 });
  });

  it('does not log in with a wrong password', async () => {
    await Given('a user who signed up', [{ name: 'signed_up', data: { username: 'ada', password: 'secret' } }])
      .With(TokenService, new TokenService())
      .When(User, 'login', 'wrong')
      .Then([{ name: 'invalid_login', data: {} }])
      .AndState({ logins: 0, failedLogins: 1 });
  });
});
