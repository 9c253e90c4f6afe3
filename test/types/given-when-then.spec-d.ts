/** What the compiler says about a test with Given, When and Then. */
import { Actor, Clock, Command, EventHandler, LiveActor } from 'omniscient-nest';
import { Given } from 'omniscient-nest/testing';

class TokenService {
  readonly #secret = 'secret';

  issue(): string {
    return this.#secret;
  }
}

interface UserState {
  loggedIn: boolean;
  tries: { at: string; count: number }[];
  password?: string;
}

interface UserEvents {
  signed_up: { username: string };
  logged_in: { token: string; browserFingerprint: object };
}

@Actor()
class User extends LiveActor<UserState, UserEvents> {
  constructor(readonly tokens: TokenService) {
    super();
  }

  initialState(): UserState {
    return { loggedIn: false, tries: [] };
  }

  @Command()
  login(password: string, tries = 1): string | undefined {
    return password + String(tries);
  }

  @Command()
  async logout(): Promise<number> {
    return this.helper();
  }

  @EventHandler()
  signed_up({ username }: UserEvents['signed_up']): void {
    this.state.password = username;
  }

  protected helper(): number {
    return 1;
  }
}

@Actor()
class Player extends LiveActor<{ lives: number }, { life_lost: { left: number } }> {
  initialState() {
    return { lives: 3 };
  }

  @Command()
  loseLife(): void {
    this.fire('life_lost', { left: 2 });
  }
}

const asymmetric = { asymmetricMatch: (actual: unknown) => actual === 1 };

export async function compiles(): Promise<void> {
  await Given('text', [{ name: 'anything', data: 1 }, { name: 'without_data' }])
    .With(TokenService, { issue: () => 'x' })
    .With(Clock, { now: () => 1 })
    .With('TOKEN', 1)
    .With(Symbol(), 1)
    .WithIds('a', 'b')
    .As('ada')
    .At('2024-01-01')
    .After(1)
    .When(User, 'login', 'test', 2)
    .Then([{ name: 'logged_in', data: { token: '{string}', browserFingerprint: {} } }, { name: 'signed_up' }])
    .Then([
      { name: 'logged_in', data: '{object}' },
      { name: 'signed_up', data: { username: asymmetric } },
    ])
    .AndState({ loggedIn: '{boolean}', tries: [{ at: '{date}', count: 1 }], password: undefined })
    .AndState({ tries: asymmetric })
    .AndState(Player, { lives: '{number}' })
    .AndReturns('token')
    .AndReturns(undefined)
    .AndReturns('{uuid}')
    .When(User, 'login', 'test')
    .ThenThrows(RangeError)
    .ThenThrows('text')
    .ThenThrows(/text/)
    .ThenThrows({ code: 'CONFLICT' })
    .ThenThrows()
    .When(User, 'logout')
    .AndReturns(1)
    .Then<Player>([{ name: 'life_lost' }, { name: 'logged_in' }])
    .When(Player, 'loseLife')
    .Then([{ name: 'life_lost', data: { left: 2 } }, { name: 'logged_in' }])
    .AndState({ lives: 2 })
    .AndReturns(undefined);
  const chain: Promise<void> = Given().When(Player, 'loseLife');
  await chain;
}

const given = Given();

// @ts-expect-error a command that does not exist
given.When(User, 'logn', 'test');
// @ts-expect-error a method that is no command
given.When(User, 'helper');
// @ts-expect-error a hook
given.When(User, 'initialState');
// @ts-expect-error an event handler
given.When(User, 'signed_up', { username: 'test' });
// @ts-expect-error an argument that is missing
given.When(User, 'login');
// @ts-expect-error an argument of the wrong type
given.When(User, 'login', 1);
// @ts-expect-error an argument too many
given.When(User, 'login', 'test', 1, 2);
// @ts-expect-error a class that is no actor
given.When(TokenService, 'issue');
// @ts-expect-error a part without the method
given.With(TokenService, { isue: () => 'x' });
// @ts-expect-error a part whose method gives something else
given.With(TokenService, { issue: () => 1 });
// @ts-expect-error an event without a name
Given([{ data: {} }]);
// @ts-expect-error a check before any command
given.Then([]);
// @ts-expect-error a state of no class
given.AndState({ lives: 3 });

const login = given.When(User, 'login', 'test');

// @ts-expect-error an event that does not exist
login.Then([{ name: 'loged_in' }]);
// @ts-expect-error an event of another class
login.Then([{ name: 'life_lost' }]);
// @ts-expect-error a key of the wrong type
login.Then([{ name: 'logged_in', data: { token: 1, browserFingerprint: {} } }]);
// @ts-expect-error a key that is missing
login.Then([{ name: 'logged_in', data: { token: 'x' } }]);
// @ts-expect-error a key that does not exist
login.Then([{ name: 'signed_up', data: { username: 'x', user: 'y' } }]);
// @ts-expect-error a matcher that does not exist, for a value that is no text
login.AndState({ loggedIn: '{bool}' });
// @ts-expect-error a state key that does not exist
login.AndState({ logedIn: true });
// @ts-expect-error a state key of another class
login.AndState(Player, { loggedIn: true });
// @ts-expect-error a part of the state of the wrong type
login.AndState({ tries: [{ at: 1, count: 1 }] });
// @ts-expect-error a result of the wrong type
login.AndReturns(1);
// @ts-expect-error an injected part after a command
login.With(TokenService, { issue: () => 'x' });
