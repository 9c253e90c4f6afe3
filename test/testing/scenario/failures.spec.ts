import { AssertionError } from 'node:assert';
import { describe, expect, it } from '@jest/globals';
import { Actor, Clock, Command, EventHandler, LiveActor } from 'omniscient-nest';
import { Given } from 'omniscient-nest/testing';
import { Hotel, Player, User } from './actors.js';

const signedUp = { name: 'signed_up', data: { username: 'test', password: 'test' } };
const firstLogin = () => Given('a user logs in for the first time', [signedUp]).When(User, 'login', 'test', {});

describe('A failure tells the whole course, the first difference, and all of them', () => {
  it('when an event has other data', async () => {
    const expected = [{ name: 'logged_in', data: { browserFingerprint: {}, token: '{number}' } }] as const;
    expect(await messageOf(firstLogin().Then(expected as never))).toBe(
      lines(
        'Given a user logs in for the first time',
        "  When User.login('test', {})",
        "  Then events[0].data.token is 'a-token', but should match '{number}'",
        '',
        '  - expected',
        '  + fired',
        '',
        '    [',
        '      {',
        "        name: 'logged_in',",
        '        data: {',
        '          browserFingerprint: {},',
        "  -       token: '{number}',",
        "  +       token: 'a-token',",
        '        },',
        '      },',
        '    ]',
      ),
    );
  });

  it('when an event is missing', async () => {
    const chain = firstLogin().Then([{ name: 'invalid_login' }, { name: 'logged_in' }]);
    expect(await messageOf(chain)).toBe(
      lines(
        'Given a user logs in for the first time',
        "  When User.login('test', {})",
        "  Then events[0] is missing: it should be { name: 'invalid_login', data: '{any}' }",
        '',
        '  - expected',
        '  + fired',
        '',
        '    [',
        "  -   { name: 'invalid_login', data: '{any}' },",
        "      { name: 'logged_in', data: { token: 'a-token', browserFingerprint: {} } },",
        '    ]',
      ),
    );
  });

  it('when an event was not expected', async () => {
    const chain = Given([signedUp])
      .When(User, 'login', 'wrong', { os: 'plan9' })
      .When(User, 'login', 'test', {})
      .Then([{ name: 'logged_in' }]);
    expect(await messageOf(chain)).toBe(
      lines(
        'Given signed_up',
        "  When User.login('wrong', { os: 'plan9' })",
        "  When User.login('test', {})",
        "  Then events[0] should not be there: it is { name: 'invalid_login', data: { browserFingerprint: { os: 'plan9' } } }",
        '',
        '  - expected',
        '  + fired',
        '',
        '    [',
        "  +   { name: 'invalid_login', data: { browserFingerprint: { os: 'plan9' } } },",
        "      { name: 'logged_in', data: { token: 'a-token', browserFingerprint: {} } },",
        '    ]',
      ),
    );
  });

  it('when the state is another', async () => {
    const chain = firstLogin()
      .Then([{ name: 'logged_in' }])
      .After(5_000)
      .AndState({ loggedIn: true, failedLogins: 1, password: undefined });
    expect(await messageOf(chain)).toBe(
      lines(
        'Given a user logs in for the first time',
        "  When User.login('test', {})",
        '  Then logged_in',
        '  After 5000 ms',
        "  And User's state.failedLogins is 0, but should be 1",
        '',
        '  - expected',
        '  + actual',
        '',
        '    {',
        '      loggedIn: true,',
        '  -   failedLogins: 1,',
        '  +   failedLogins: 0,',
        "  +   password: 'test',",
        '    }',
      ),
    );
  });

  it('when it is a small part of a large state', async () => {
    const seats = Array.from({ length: 40 }, (_, i) => ({ row: i }));
    const chain = Given()
      .With('SEATS', seats)
      .WithIds('b-1')
      .When(Hotel, 'book', 'Ada')
      .AndState({
        bookings: [
          { id: 'b-1', seats: seats.map(({ row }) => ({ row: row === 20 ? -1 : row })) as never, guest: '{object}' },
        ],
      });
    expect(await messageOf(chain)).toBe(
      lines(
        'Given nothing',
        "  When Hotel.book('Ada')",
        "  And Hotel's state.bookings[0].seats[20].row is 20, but should be -1",
        '',
        '  - expected',
        '  + actual',
        '',
        '    … 23 lines that are the same',
        '            { row: 18 },',
        '            { row: 19 },',
        '            {',
        '  -           row: -1,',
        '  +           row: 20,',
        '            },',
        '            { row: 21 },',
        '            { row: 22 },',
        '    … 22 lines that are the same',
      ),
    );
  });

  it('when the result is another', async () => {
    expect(await messageOf(firstLogin().AndReturns('b-token'))).toBe(
      lines(
        'Given a user logs in for the first time',
        "  When User.login('test', {})",
        "  And result is 'a-token', but should be 'b-token'",
        '',
        '  - expected',
        '  + returned',
        '',
        "  - 'b-token'",
        "  + 'a-token'",
      ),
    );
    expect(await messageOf(Given().When(User, 'pay', -1).ThenThrows().AndReturns(undefined))).toBe(
      lines(
        'Given nothing',
        '  When User.pay(-1)',
        '  Then it throws an error',
        '  And User.pay should return undefined, but it threw RangeError: nobody pays -1 cents',
      ),
    );
  });

  it('when a matcher is misspelt', async () => {
    expect(await messageOf(firstLogin().AndReturns('{text}'))).toBe(
      lines(
        'Given a user logs in for the first time',
        "  When User.login('test', {})",
        "  And result is 'a-token', but should be '{text}'",
        '',
        '  - expected',
        '  + returned',
        '',
        "  - '{text}'",
        "  + 'a-token'",
        '',
        "  '{text}' is not a matcher, so it was compared as a text. The matchers are '{string}', '{number}', '{boolean}', '{date}', '{uuid}', '{object}', '{array}', '{any}'.",
      ),
    );
  });

  it("when a runner's matcher does not match", async () => {
    const chain = firstLogin().Then([
      { name: 'logged_in', data: { token: expect.any(Number) as never, browserFingerprint: {} } },
    ]);
    const message = await messageOf(chain);
    expect(message).toContain("  Then events[0].data.token is 'a-token', but should match Any<Number>\n");
    expect(message).toContain("\n  -       token: Any<Number>,\n  +       token: 'a-token',\n");
  });
});

describe('A failure tells what was thrown', () => {
  it('when nothing should have been', async () => {
    const error = await failureOf(Given([signedUp]).When(User, 'login', 'test', {}).When(User, 'pay', -1).Then([]));
    expect(error.message).toBe(
      lines(
        'Given signed_up',
        "  When User.login('test', {})",
        '  When User.pay(-1) failed: RangeError: nobody pays -1 cents',
      ),
    );
    expect(error.cause).toBeInstanceOf(RangeError);
    expect(framesOf(error)[0]).toMatch(/at User\.pay \(.*actors\.ts:/);
  });

  it('when a handler threw', async () => {
    const error = await failureOf(Given([signedUp]).When(Brittle, 'touch'));
    expect(error.message).toBe(
      lines(
        'Given signed_up',
        "  When Brittle.touch() failed: HandlerError: Brittle's handler of 'touched' failed as it was fired of stream 'actor-1': it broke",
      ),
    );
    expect(framesOf(error)[0]).toMatch(/at Brittle\.touched \(.*failures\.spec\.ts:/);
  });

  it('when nothing was', async () => {
    expect(await messageOf(Given().When(Player, 'loseLife').ThenThrows(RangeError))).toBe(
      lines(
        'Given nothing',
        '  When Player.loseLife()',
        '  Then Player.loseLife should throw RangeError, but it returned 2',
      ),
    );
  });

  it('when it should have been something else', async () => {
    const broke = Given().When(User, 'pay', -1);
    const but = 'but it threw RangeError: nobody pays -1 cents';
    const last = async (chain: PromiseLike<void>) => (await messageOf(chain)).split('\n').at(2);
    expect(await last(broke.ThenThrows(TypeError))).toBe(`  Then User.pay should throw TypeError, ${but}`);
    expect(await last(broke.ThenThrows('-2 cents'))).toBe(
      `  Then User.pay should throw an error with '-2 cents' in its message, ${but}`,
    );
    expect(await last(broke.ThenThrows(/dollars/))).toBe(
      `  Then User.pay should throw an error like /dollars/, ${but}`,
    );
    expect(await messageOf(broke.ThenThrows({ name: '{string}', code: 'TOO_LITTLE' }))).toBe(
      lines(
        'Given nothing',
        '  When User.pay(-1)',
        "  Then error.code is missing: it should be 'TOO_LITTLE'",
        '',
        '  - expected',
        '  + thrown',
        '',
        '    {',
        "      name: 'RangeError',",
        "  -   code: 'TOO_LITTLE',",
        '    }',
      ),
    );
  });
});

describe('A failure tells that the actor would not be the same if it were loaded again', () => {
  it('when a handler looks at the time', async () => {
    const message = await messageOf(
      Given('a parcel')
        .When(Parcel, 'send', 'date')
        .Then([{ name: 'date' }]),
    );
    const [, when, but, , culprit] = message.split('\n');
    expect(when).toBe("  When Parcel.send('date')");
    expect(but).toMatch(
      /^ {2}But the stored events, loaded again, give another state: Parcel's state\.mark is \d+, but should be \d+$/,
    );
    expect(culprit).toBe(
      "  The handler of 'date' gives another result each time. A handler may use only the event and the state: no time, no randomness, " +
        'no injected parts, no fields of the instance.',
    );
  });

  it('when it looks at the clock of the test', async () => {
    expect(await messageOf(Given().When(Parcel, 'send', 'clock'))).toContain(
      "  The handler of 'clock' gives another result each time.",
    );
  });

  it('when it leaves it to chance', async () => {
    expect(await messageOf(Given().When(Parcel, 'send', 'chance'))).toContain(
      "  The handler of 'chance' gives another result each time.",
    );
  });

  it('when it uses what the command left in the instance', async () => {
    expect(
      await messageOf(
        Given([{ name: 'chance' }])
          .When(Parcel, 'send', 'field')
          .ThenThrows(),
      ),
    ).toContain('gives another result');
    expect(await messageOf(Given().When(Parcel, 'send', 'field'))).toBe(
      lines(
        'Given nothing',
        "  When Parcel.send('field')",
        "  But the stored events, loaded again, give another state: Parcel's state.mark is 0, but should be 7",
        '',
        '  Some handler uses what is not in the events. A handler may use only the event and the state: no time, no randomness, no injected parts, no fields of the instance.',
        '',
        '  - live',
        '  + loaded again',
        '',
        '    {',
        '  -   mark: 7,',
        '  +   mark: 0,',
        '    }',
      ),
    );
  });

  it('when its initial state is another each time', async () => {
    expect(await messageOf(Given().AndState(Newborn, { at: '{number}' }))).toContain(
      '  initialState() gives another result each time. It may use only the id: no time, ',
    );
  });

  it('when a handler fails only then', async () => {
    expect(await messageOf(Given().When(Parcel, 'send', 'once'))).toBe(
      lines(
        'Given nothing',
        "  When Parcel.send('once')",
        "  But Parcel could not be loaded again from the stored events: Parcel's handler of 'once' failed at version 1 of stream 'actor-1': a second time",
      ),
    );
  });

  it('and today is today again', async () => {
    const before = Date.now();
    await messageOf(Given().When(Parcel, 'send', 'date'));
    expect(Date.now() - before).toBeLessThan(60_000);
    expect(new Date()).toBeInstanceOf(Date);
  });
});

describe('A failure is an assertion error', () => {
  it('with both values, whatever matched being the same in both', async () => {
    const data = { browserFingerprint: '{object}', token: 'b-token' } as const;
    const error = await failureOf(firstLogin().Then([{ name: 'logged_in', data }]));
    expect(error).toBeInstanceOf(AssertionError);
    expect(error).toMatchObject({
      code: 'ERR_ASSERTION',
      expected: [{ name: 'logged_in', data: { browserFingerprint: {}, token: 'b-token' } }],
      actual: [{ name: 'logged_in', data: { browserFingerprint: {}, token: 'a-token' } }],
    });
  });

  it('that points to the line of the test', async () => {
    const error = await failureOf(firstLogin().Then([]));
    expect(framesOf(error)[0]).toMatch(/failures\.spec\.ts:\d+:\d+/);
    expect(error.stack).toMatch(
      /^AssertionError \[ERR_ASSERTION\]: Given a user logs in for the first time\n {2}When /,
    );
  });
});

@Actor()
class Brittle extends LiveActor<object, { touched: object }> {
  initialState() {
    return {};
  }

  @Command()
  touch(): void {
    this.fire('touched');
  }

  @EventHandler()
  touched() {
    throw new Error('it broke');
  }
}

type Mark = 'date' | 'clock' | 'chance' | 'field' | 'once';
let onceDone = false;

/** Whose handlers do what handlers must not. */
@Actor()
class Parcel extends LiveActor<{ mark: number }, Record<Mark, object>> {
  #field = 0;

  constructor(private readonly clock: Clock) {
    super();
  }

  initialState() {
    return { mark: 0 };
  }

  @Command()
  send(mark: Mark): void {
    this.#field = 7;
    this.fire(mark);
  }

  @EventHandler('date')
  byDate() {
    this.state.mark = new Date().setMilliseconds(0);
  }

  @EventHandler('clock')
  byClock() {
    this.state.mark = this.clock.now();
  }

  @EventHandler('chance')
  byChance() {
    this.state.mark = Math.random();
  }

  @EventHandler('field')
  byField() {
    this.state.mark = this.#field;
  }

  @EventHandler('once')
  onlyOnce() {
    if (onceDone) throw new Error('a second time');
    onceDone = true;
  }
}

@Actor()
class Newborn extends LiveActor<{ at: number }, { grown: object }> {
  initialState() {
    return { at: Date.now() };
  }
}

function lines(...all: string[]): string {
  return all.join('\n');
}

async function failureOf(chain: PromiseLike<void>): Promise<AssertionError> {
  try {
    await chain;
  } catch (error) {
    return error as AssertionError;
  }
  throw new Error('it did not fail');
}

async function messageOf(chain: PromiseLike<void>): Promise<string> {
  return (await failureOf(chain)).message;
}

function framesOf({ stack }: Error): string[] {
  return (stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
}
