import { describe, expect, it, jest } from '@jest/globals';
import { Actor, Command, EventHandler, HandlerError, LiveActor, OmniscientError, OneActor } from 'omniscient-nest';
import { MemoryEngine } from 'omniscient-nest/memory';
import { Given } from 'omniscient-nest/testing';
import { Tally } from '../../support/actors.js';
import { eventually } from '../../support/eventually.js';
import { Hotel, Player, TokenService, User } from './actors.js';

const signedUp = { name: 'signed_up', data: { username: 'test', password: 'test' } };

describe('Given, When, Then', () => {
  it('tests the first login as the design says', async () => {
    await Given('a user logs in for the first time', [
      { name: 'signed_up', data: { username: 'test', password: 'test' } },
    ])
      .When(User, 'login', 'test', {})
      .Then([{ name: 'logged_in', data: { browserFingerprint: {}, token: '{string}' } }])
      .AndState({ loggedIn: true, failedLogins: 0 });
  });

  it('may be returned instead of awaited', () =>
    Given([signedUp]).When(User, 'login', 'test', {}).AndReturns('a-token').AndState({ loggedIn: true }));

  it('begins with nothing if nothing is given', async () => {
    await Given().AndState(Player, { lives: 3 });
    await Given('nobody').When(User, 'login', 'test', {}).AndReturns(undefined).AndState({ failedLogins: 1 });
  });

  it('compares all events since the last Then, so that none goes unseen', async () => {
    await Given([signedUp])
      .When(User, 'login', 'wrong', {})
      .When(User, 'login', 'wrong', {})
      .Then([{ name: 'invalid_login' }, { name: 'invalid_login' }])
      .When(User, 'login', 'test', {})
      .Then([{ name: 'logged_in' }])
      .Then([])
      .AndState({ loggedIn: true, failedLogins: 2 });
  });

  it('lets classes that share a stream see each other', async () => {
    await Given([signedUp])
      .When(Player, 'loseLife')
      .AndReturns(2)
      .When(User, 'pay', 250)
      .AndReturns(undefined)
      .AndState(Player, { lives: 4 })
      .When(Player, 'loseLife')
      .Then([
        { name: 'life_lost', data: {} },
        { name: 'payment_received', data: { cents: 250 } },
        { name: 'life_lost' },
      ])
      .AndState({ lives: 3 })
      .AndState(User, { loggedIn: false });
  });

  it('speaks of several ids', async () => {
    await Given()
      .As('ada')
      .When(Player, 'loseLife')
      .As('bob')
      .When(Player, 'loseLife')
      .When(Player, 'loseLife')
      .AndState({ lives: 1 })
      .As('ada')
      .AndState(Player, { lives: 2 });
  });

  it('leaves a plain actor its own view of the stream', async () => {
    await Given([{ name: 'added', data: { n: 1 } }])
      .When(Tally, 'add', 1)
      .When(CountedInTwo, 'add', 5)
      .AndState(Tally, { count: 2 })
      .When(Tally, 'add', 1)
      .AndReturns(3)
      .AndState({ count: 3 });
  });

  it('plays every chain in a world of its own, also those that begin alike', async () => {
    const tired = Given().When(Player, 'loseLife').When(Player, 'loseLife');
    await tired.When(Player, 'loseLife').AndState({ lives: 0 });
    await tired.When(User, 'pay', 100).AndState(Player, { lives: 2 });
    await tired.AndState({ lives: 1 });
  });

  it('plays a chain once, however often it is awaited', async () => {
    const issue = jest.fn(() => 'x');
    const chain = Given([signedUp])
      .With(TokenService, { issue })
      .When(User, 'login', 'test', {})
      .AndReturns('x')
      .AndState({ loggedIn: true });
    await chain;
    await chain;
    await expect(Promise.all([chain, chain])).resolves.toEqual([undefined, undefined]);
    expect(issue).toHaveBeenCalledTimes(1);
    let ended = false;
    await chain.finally(() => {
      ended = true;
    });
    expect(ended).toBe(true);
  });

  it('plays a chain that ends in a check although nobody awaits it', async () => {
    const issue = jest.fn(() => 'x');
    const start = Given([signedUp]).With(TokenService, { issue }).When(User, 'login', 'test', {});
    await new Promise(setImmediate);
    expect(issue).not.toHaveBeenCalled();
    void start.AndReturns('x');
    await eventually(() => issue.mock.calls.length === 1);
  });

  it('lets its actors go when it ends, also when it fails', async () => {
    const told: string[] = [];
    @Actor()
    class Leaver extends LiveActor<object, object> {
      initialState() {
        return {};
      }

      @Command()
      stay(): void {}

      override onPassivate(): void {
        told.push(this.id);
      }
    }
    await Given().As('ada').When(Leaver, 'stay');
    await expect(
      Given()
        .As('bob')
        .When(Leaver, 'stay')
        .AndReturns(1 as never),
    ).rejects.toThrow('should be 1');
    expect(told).toEqual(['ada', 'bob']);
  });

  it("does not count the framework's own events", async () => {
    @Actor()
    class Led extends OneActor<object, { moved: object }> {
      initialState() {
        return {};
      }

      @Command()
      move(): void {
        this.fire('moved');
      }
    }
    const append = jest.spyOn(MemoryEngine.prototype, 'append');
    try {
      await Given()
        .When(Led, 'move')
        .Then([{ name: 'moved' }]);
      const stored = append.mock.calls.flatMap(([{ events }]) => events.map(({ name }) => name));
      expect(stored).toEqual(['$leader', 'moved']);
    } finally {
      append.mockRestore();
    }
  });

  it('works under fake timers', async () => {
    jest.useFakeTimers();
    try {
      await Given([signedUp])
        .When(User, 'login', 'test', {})
        .Then([{ name: 'logged_in' }]);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('ThenThrows', () => {
  const broke = Given().When(User, 'pay', -1);

  it('takes a class, a text, an expression, properties, or whatever was thrown', async () => {
    await broke.ThenThrows();
    await broke.ThenThrows(RangeError);
    await broke.ThenThrows(Error);
    await broke.ThenThrows('pays -1 cents');
    await broke.ThenThrows(/^nobody pays/);
    await broke.ThenThrows({ name: 'RangeError', message: '{string}' });
    await broke.ThenThrows({ message: expect.stringContaining('nobody') });
  });

  it('sees that the command left no trace, and goes on', async () => {
    await broke
      .ThenThrows(RangeError)
      .Then([])
      .AndState({ failedLogins: 0 })
      .When(User, 'pay', 100)
      .Then([{ name: 'payment_received' }]);
  });

  it('takes errors of Node itself for what they are', async () => {
    @Actor()
    class Browser extends LiveActor<object, object> {
      initialState() {
        return {};
      }

      @Command()
      open(url: string): string {
        return new URL(url).host;
      }
    }
    const lost = Given().When(Browser, 'open', 'nowhere');
    await lost.ThenThrows(TypeError);
    await lost.ThenThrows(Error);
    await lost.ThenThrows({ code: 'ERR_INVALID_URL' });
    await expect(lost.ThenThrows(RangeError)).rejects.toThrow(
      'should throw RangeError, but it threw TypeError: Invalid URL',
    );
    await expect(lost.ThenThrows(OmniscientError)).rejects.toThrow(
      'should throw OmniscientError, but it threw TypeError',
    );
  });

  it('takes the error of a past that cannot be loaded', async () => {
    await Given([{ name: 'payment_received', data: null }])
      .When(Player, 'loseLife')
      .ThenThrows(HandlerError);
    await Given([{ name: 'payment_received', data: null }])
      .When(Player, 'loseLife')
      .ThenThrows({ code: 'HANDLER_FAILED' });
  });
});

describe('Time and ids', () => {
  const hotel = () => Given().With('SEATS', [1, 2]);

  it('stand still and are foretold unless the test says otherwise', async () => {
    await hotel()
      .When(Hotel, 'book', 'Ada')
      .Then([
        {
          name: 'booked',
          data: {
            id: '00000000-0000-4000-8000-000000000001',
            at: Date.UTC(2020, 0, 1),
            seats: [1, 2],
            guest: { name: 'Ada', vip: true },
          },
        },
      ])
      .AndState({ lastAt: '2020-01-01T00:00:00.000Z' });
  });

  it('are under its control', async () => {
    await hotel()
      .WithIds('first', 'second')
      .At('2024-02-29T23:59:59Z')
      .When(Hotel, 'book', 'Ada')
      .AndState({ lastAt: '2024-02-29T23:59:59.000Z' })
      .After(1_000)
      .When(Hotel, 'book', 'Bob')
      .AndState({ lastAt: '2024-03-01T00:00:00.000Z' })
      .At(new Date(0))
      .Then([
        {
          name: 'booked',
          data: expect.objectContaining({ id: 'first', at: Date.UTC(2024, 1, 29, 23, 59, 59) }) as never,
        },
        { name: 'booked', data: expect.objectContaining({ id: 'second', at: Date.UTC(2024, 2, 1) }) as never },
      ]);
  });

  it('let the given events be of an earlier time', async () => {
    const booked = { name: 'booked', data: { id: '1', seats: [], guest: { name: 'Eve', vip: false }, at: 0 } };
    const past = Given([booked]).With('SEATS', []).At('2023-01-01');
    await past.AndState(Hotel, { lastAt: '2023-01-01T00:00:00.000Z' });
    await past.After(5).AndState(Hotel, { lastAt: '2023-01-01T00:00:00.000Z' });
    await past.After(5).When(Hotel, 'book', 'Ada').AndState({ lastAt: '2023-01-01T00:00:00.005Z' });
  });

  it('say when more ids are needed than the test chose', async () => {
    await hotel()
      .WithIds('only')
      .When(Hotel, 'book', 'Ada')
      .When(Hotel, 'book', 'Bob')
      .ThenThrows({ code: 'OUT_OF_IDS', message: 'WithIds(…) gave 1 ids and one more is needed: give more' });
  });

  it('refuse what is no time, where it is written', () => {
    expect(() => Given().At('tomorrow')).toThrow(
      "a time must be a Date, an ISO 8601 text or milliseconds since 1970, but got 'tomorrow'",
    );
    expect(() => Given().After(-1)).toThrow(
      'time can only move forward, by a number of milliseconds of at least 0, but got -1',
    );
  });
});

describe('Matchers', () => {
  it('match by kind at any depth, in data, state and results', async () => {
    const booking = { id: '{uuid}', seats: ['{number}', 2], guest: { name: '{string}', vip: '{boolean}' } } as const;
    await Given()
      .With('SEATS', [1, 2])
      .When(Hotel, 'book', 'Ada')
      .Then([{ name: 'booked', data: { ...booking, at: '{number}' } }])
      .AndState({ bookings: [booking], lastAt: '{date}' })
      .AndReturns(booking)
      .AndReturns({ id: '{any}', seats: '{array}', guest: '{object}' });
  });

  it("are also the runner's own", async () => {
    await Given()
      .With('SEATS', [1, 2])
      .When(Hotel, 'book', 'Ada')
      .Then([{ name: 'booked', data: expect.objectContaining({ seats: [expect.any(Number), 2] }) as never }])
      .AndState({ bookings: expect.any(Array) as never });
  });
});

describe('What cannot be played', () => {
  it('is refused with the reason, and no ThenThrows takes it for the actor', async () => {
    const odd = Given()
      .When(Player, 'initialState' as never)
      .ThenThrows();
    await expect(odd).rejects.toThrow(
      "Player has no command 'initialState' (its methods marked @Command() are: loseLife)",
    );
    await expect(Given().When(Undecorated, 'act').ThenThrows()).rejects.toThrow(
      "Undecorated is not decorated: write @Actor() above 'class Undecorated'",
    );
    await expect(
      Given([{ name: 'signed_up', data: new Date(0) }])
        .When(User, 'pay', 1)
        .ThenThrows(),
    ).rejects.toThrow("the payload of the given event 'signed_up' is not plain data: $ is an instance of Date");
    await expect(Given().As('').When(User, 'pay', 1).ThenThrows()).rejects.toThrow(OmniscientError);
  });
});

/** Stores what `Tally` handles, on the same stream. */
@Actor()
class CountedInTwo extends LiveActor<{ n: number }, { added: { n: number } }> {
  initialState() {
    return { n: 0 };
  }

  @Command()
  add(n: number): void {
    this.fire('added', { n });
  }

  @EventHandler()
  added({ n }: { n: number }) {
    this.state.n += n;
  }
}

class Undecorated extends LiveActor<object, object> {
  initialState() {
    return {};
  }

  @Command()
  act(): void {}
}
