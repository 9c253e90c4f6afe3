import { describe, expect, it } from '@jest/globals';
import { forwardRef, Inject, Injectable, Optional } from '@nestjs/common';
import {
  Actor,
  type ActorRepository,
  Clock,
  Command,
  EventHandler,
  EventSubscriptions,
  getActorToken,
  Ids,
  InjectActor,
  LiveActor,
} from 'omniscient-nest';
import { Given, ManualClock } from 'omniscient-nest/testing';
import { Player, TokenService, User } from './actors.js';

const signedUp = { name: 'signed_up', data: { username: 'test', password: 'test' } };

/** What actors in this spec tell of what was injected. */
abstract class Teller extends LiveActor<object, { told: object }> {
  initialState() {
    return {};
  }

  @Command()
  tell(): unknown {
    return this.parts();
  }

  @EventHandler()
  told() {}

  protected abstract parts(): unknown;
}

interface Mailer {
  send(): string;
}

@Injectable()
class Secret {
  readonly text = 'secret';
}

@Injectable()
class Vault {
  static made = 0;

  constructor(
    readonly secret: Secret,
    readonly clock: Clock,
  ) {
    Vault.made += 1;
  }
}

describe('A part', () => {
  it('is what the test gave', async () => {
    await Given([signedUp])
      .With(TokenService, { issue: () => 'given' })
      .When(User, 'login', 'test', {})
      .AndReturns('given');
  });

  it('is made with new if it is a class, with its own parts, once for all', async () => {
    @Actor()
    class Two extends Teller {
      @Inject() readonly vault!: Vault;

      constructor(
        readonly a: Vault,
        readonly secret: Secret,
      ) {
        super();
      }

      parts() {
        return [this.vault === this.a, this.a.secret === this.secret, this.secret.text, this.a.clock.now()];
      }
    }
    Vault.made = 0;
    await Given().At(5).When(Two, 'tell').AndReturns([true, true, 'secret', 5]);
    expect(Vault.made).toBe(1);
  });

  it('is found by the token of @Inject, in parameters and properties, behind forwardRef, and left out if optional', async () => {
    const SYMBOL = Symbol('rate');
    @Actor()
    class Tokens extends Teller {
      @Inject('LIMIT') readonly limit!: number;
      @Optional() @Inject('NOBODY') readonly nobody?: string;

      constructor(
        @Inject('MAILER') readonly mailer: Mailer,
        @Inject(SYMBOL) readonly rate: number,
        @Inject(forwardRef(() => Secret)) readonly secret: Secret,
        @Optional() @Inject('ABSENT') readonly absent = 'default',
        @Optional() readonly missing?: Secret,
      ) {
        super();
      }

      parts() {
        return [this.mailer.send(), this.rate, this.secret.text, this.absent, this.missing, this.limit, this.nobody];
      }
    }
    await Given()
      .With('MAILER', { send: () => 'sent' })
      .With(SYMBOL, 0.5)
      .With('LIMIT', 9)
      .When(Tokens, 'tell')
      .AndReturns(['sent', 0.5, 'secret', 'default', undefined, 9, undefined]);
  });

  it("is the test's own clock, ids and subscriptions, unless they are given", async () => {
    @Actor()
    class Own extends Teller {
      constructor(
        readonly clock: Clock,
        readonly ids: Ids,
        readonly subscriptions: EventSubscriptions,
      ) {
        super();
      }

      parts() {
        return [this.clock.now(), this.ids.next(), this.subscriptions instanceof EventSubscriptions];
      }
    }
    await Given().At(7).WithIds('x').When(Own, 'tell').AndReturns([7, 'x', true]);
    await Given()
      .With(Clock, new ManualClock(3))
      .With(Ids, { next: () => 'y' })
      .When(Own, 'tell')
      .AndReturns([3, 'y', true]);
  });

  it('that a base class asks for is injected too', async () => {
    abstract class Base extends Teller {
      constructor(@Inject('BASE') readonly base: string) {
        super();
      }
    }
    @Actor()
    class Derived extends Base {
      parts() {
        return this.base;
      }
    }
    await Given().With('BASE', 'below').When(Derived, 'tell').AndReturns('below');
  });

  it('may be the repository of other actors', async () => {
    @Actor()
    class Coach extends Teller {
      constructor(@InjectActor(Player) readonly players: ActorRepository<Player>) {
        super();
      }

      async parts() {
        return (await this.players.get('ada')).loseLife();
      }
    }
    const players = { get: async () => ({ loseLife: async () => 1 }) };
    await Given().With(getActorToken(Player), players).When(Coach, 'tell').AndReturns(1);
    await refused(
      Coach,
      'Coach: constructor parameter 1 is the repository of ActorRepository<Player>: write Given(…).With(getActorToken(Player), …)',
    );
  });
});

describe('A missing part', () => {
  it('is named with its token', async () => {
    @Actor()
    class Wanting extends Teller {
      @Inject(Symbol.for('depth')) readonly depth!: number;

      constructor(
        readonly secret: Secret,
        @Inject('MAILER') readonly mailer: Mailer,
      ) {
        super();
      }

      parts() {}
    }
    await refused(Wanting, "Wanting: constructor parameter 2 is 'MAILER': write Given(…).With('MAILER', …)");
    const chain = Given().With('MAILER', {}).When(Wanting, 'tell').ThenThrows();
    await expect(chain).rejects.toThrow(
      "Wanting: property 'depth' is Symbol(depth): write Given(…).With(Symbol(depth), …)",
    );
  });

  it('is named with its class and the way to it', async () => {
    @Injectable()
    class Inner {
      constructor(@Inject('KEY') readonly key: string) {}
    }
    @Injectable()
    class Outer {
      constructor(readonly inner: Inner) {}
    }
    @Actor()
    class Deep extends Teller {
      constructor(readonly outer: Outer) {
        super();
      }

      parts() {
        return this.outer.inner.key;
      }
    }
    await refused(Deep, "Deep -> Outer -> Inner: constructor parameter 1 is 'KEY': write Given(…).With('KEY', …)");
    await Given().With('KEY', 'k').When(Deep, 'tell').AndReturns('k');
    await Given()
      .With(Outer, { inner: { key: 'l' } })
      .When(Deep, 'tell')
      .AndReturns('l');
  });

  it('is named with why it could not be made', async () => {
    class Undescribed {
      constructor(readonly url: string) {}
    }
    class Broken {
      constructor() {
        throw new Error('no connection');
      }
    }
    @Actor()
    class NeedsUndescribed extends Teller {
      constructor(readonly part: Undescribed) {
        super();
      }

      parts() {}
    }
    @Actor()
    class NeedsBroken extends Teller {
      constructor(readonly part: Broken) {
        super();
      }

      parts() {}
    }
    await refused(
      NeedsUndescribed,
      'NeedsUndescribed: constructor parameter 1 is Undescribed, whose constructor takes something that no decorator describes: write Given(…).With(Undescribed, …)',
    );
    await refused(
      NeedsBroken,
      'NeedsBroken: constructor parameter 1 is Broken, and creating one failed (no connection): write Given(…).With(Broken, …)',
    );
  });

  it('is named if it wants the one that wants it', async () => {
    @Injectable()
    class Hen {
      constructor(@Inject(forwardRef(() => Egg)) readonly egg: object) {}
    }
    @Injectable()
    class Egg {
      constructor(readonly hen: Hen) {}
    }
    @Actor()
    class Farm extends Teller {
      constructor(readonly hen: Hen) {
        super();
      }

      parts() {}
    }
    await refused(
      Farm,
      'Farm -> Hen -> Egg: constructor parameter 1 is Hen, which depends on itself: write Given(…).With(Hen, …)',
    );
  });

  it('is placed if nothing says what it is', async () => {
    @Actor()
    class Faceless extends Teller {
      constructor(
        readonly mailer: Mailer,
        readonly limit: number,
      ) {
        super();
      }

      parts() {}
    }
    await refused(
      Faceless,
      'Faceless: the type of constructor parameter 1 is unknown at run time (an interface, a value, two files that import each other, or a ' +
        "compiler that emits no decorator metadata): mark it with @Inject('a-token') and write Given(…).With('a-token', …)",
    );
  });
});

async function refused(actorClass: new (...args: never[]) => Teller, message: string): Promise<void> {
  // No ThenThrows takes it for something that the actor did.
  await expect(Given().When(actorClass, 'tell').ThenThrows()).rejects.toMatchObject({ code: 'MISSING_PART', message });
}
