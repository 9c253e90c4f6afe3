import { describe, expect, it } from '@jest/globals';
import { type DynamicModule, Injectable, Module, Scope, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Actor,
  ActorRepository,
  Command,
  EventHandler,
  EventSourcingModule,
  InjectActor,
  LiveActor,
  Projection,
} from 'omniscient-nest';
import { MemoryEngine } from 'omniscient-nest/memory';
import type { ActorClass } from '../../lib/kernel/declaring/actor.js';
import { silentLogger } from '../support/silent-logger.js';

const root = () => EventSourcingModule.forRoot({ engine: new MemoryEngine() });
const feature = (...actors: unknown[]) => EventSourcingModule.forFeature(actors as ActorClass[]);

@Actor()
class Sound extends LiveActor<object, { happened: object }> {
  initialState() {
    return {};
  }
  @Command() happen(): void {
    this.fire('happened', {});
  }
}

@Injectable()
class WantsSound {
  constructor(@InjectActor(Sound) readonly actors: ActorRepository<Sound>) {}
}

/** How the start of an application with these parts fails. */
async function failure(imports: (DynamicModule | Type)[], providers: Type[] = []): Promise<Error & { code?: string }> {
  try {
    const app = await Test.createTestingModule({ imports, providers }).setLogger(silentLogger).compile();
    await app.init();
    await app.close();
  } catch (error) {
    return error as Error;
  }
  throw new Error('the application started');
}

describe('mistakes are refused when the application starts, with the class and the fix', () => {
  it('two classes of one name, in one module and in two', async () => {
    const other = (() => {
      @Actor({ name: 'Sound' })
      class Noise extends LiveActor<object, object> {
        initialState() {
          return {};
        }
      }
      return Noise;
    })();
    for (const imports of [
      [root(), feature(Sound, other)],
      [root(), feature(Sound), feature(other)],
    ]) {
      const error = await failure(imports);
      expect(error.code).toBe('DUPLICATE_ACTOR');
      expect(error.message).toMatch(/'Sound'.*@Actor\(\{ name/);
    }
  });

  it('two handlers of one event', async () => {
    @Actor()
    class Twice extends LiveActor<object, { happened: object }> {
      initialState() {
        return {};
      }
      @EventHandler() happened() {}
      @EventHandler('happened') again() {}
    }
    const error = await failure([root(), feature(Twice)]);
    expect(error.code).toBe('DUPLICATE_HANDLER');
    expect(error.message).toMatch(/Twice handles 'happened' twice, in happened\(\) and in again\(\)/);
  });

  it('two handlers of one event in a projection, also if one is inherited; but not one that is overridden', async () => {
    @Projection()
    class Twice {
      @EventHandler('happened') first() {}
      @EventHandler('happened') second() {}
    }
    @Projection()
    class More extends Twice {
      @EventHandler('happened') override first() {}
      override second() {}
    }
    class Base {
      @EventHandler() happened() {}
    }
    @Projection()
    class Again extends Base {
      @EventHandler('happened') again() {}
    }
    for (const twice of [Twice, More, Again]) {
      const error = await failure([root()], [twice]);
      expect(error.code).toBe('DUPLICATE_HANDLER');
      expect(error.message).toMatch(/handles 'happened' twice, in \w+\(\) and in \w+\(\)/);
    }
    @Projection()
    class Once extends Base {
      @EventHandler() override happened() {}
    }
    await expect(failure([root()], [Once])).rejects.toThrow('the application started');
  });

  it('an @Actor that extends no base', async () => {
    class Loose {}
    (Actor() as (loose: unknown) => void)(Loose);
    const error = await failure([root(), feature(Loose)]);
    expect(error.code).toBe('NOT_AN_ACTOR');
    expect(error.message).toMatch(/class Loose extends LiveActor/);
  });

  it('a base that is not decorated', async () => {
    class Plain extends LiveActor<object, object> {
      initialState() {
        return {};
      }
    }
    const error = await failure([root(), feature(Plain)]);
    expect(error.code).toBe('NOT_DECORATED');
    expect(error.message).toMatch(/@Actor\(\) above 'class Plain'/);
  });

  it('a command whose name every ref has itself, and a method that is command and handler at once', async () => {
    @Actor()
    class Grabby extends LiveActor<object, object> {
      initialState() {
        return {};
      }
      @Command() release() {}
    }
    expect(await failure([root(), feature(Grabby)])).toMatchObject({ code: 'RESERVED_COMMAND_NAME' });
    @Actor()
    class Both extends LiveActor<object, { happened: object }> {
      initialState() {
        return {};
      }
      @Command() @EventHandler('happened') both() {}
    }
    expect(await failure([root(), feature(Both)])).toMatchObject({ code: 'HANDLER_IS_COMMAND' });
  });

  it('an event name that is the framework’s', async () => {
    @Actor()
    class Dollar extends LiveActor<object, { $leader: object }> {
      initialState() {
        return {};
      }
      @EventHandler() $leader() {}
    }
    expect(await failure([root(), feature(Dollar)])).toMatchObject({ code: 'INVALID_EVENT_NAME' });
  });

  it('a class that a circular import left undefined', async () => {
    const error = await failure([root(), feature(undefined)]);
    expect(error.code).toBe('NOT_A_CLASS');
    expect(error.message).toContain('import each other');
  });

  it('forRoot twice', async () => {
    @Module({ imports: [root()] })
    class Feature {}
    const error = await failure([root(), Feature]);
    expect(error.code).toBe('FORROOT_TWICE');
    expect(error.message).toContain('forFeature');
  });

  it('an actor that is injected but not registered', async () => {
    const error = await failure([root()], [WantsSound]);
    expect(error.message).toContain(
      'ActorRepository<Sound>: add EventSourcingModule.forFeature([Sound]) to the imports of this module',
    );
  });

  it('forFeature without forRoot', async () => {
    const error = await failure([feature(Sound)], [WantsSound]);
    expect(error.message).toContain('add EventSourcingModule.forRoot() to the imports of your root module');
  });

  it('something to inject that is not there', async () => {
    @Injectable()
    class Missing {}
    @Actor()
    class Needy extends LiveActor<object, object> {
      constructor(readonly missing: Missing) {
        super();
      }
      initialState() {
        return {};
      }
    }
    const error = await failure([root(), feature(Needy)]);
    expect(error.code).toBe('UNRESOLVED_DEPENDENCY');
    expect(error.message).toMatch(/dependency of Needy.*forFeature\(\[Needy\]\).*Missing/s);
  });

  it('a projection that is made anew for each request, or for each who wants it', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Tenant {}
    @Projection()
    class OfTenant {
      constructor(readonly tenant: Tenant) {}
      @EventHandler() happened() {}
    }
    @Injectable({ scope: Scope.REQUEST })
    @Projection()
    class Requested {
      @EventHandler() happened() {}
    }
    @Injectable({ scope: Scope.TRANSIENT })
    @Projection()
    class Passing {
      @EventHandler() happened() {}
    }
    for (const providers of [[OfTenant, Tenant], [Requested], [Passing]]) {
      const error = await failure([root(), feature(Sound)], providers);
      expect(error).toMatchObject({ name: 'RegistrationError', code: 'SCOPED_PROJECTION' });
      expect(error.message).toContain(providers[0]?.name);
    }
  });

  it('an option that makes no sense', async () => {
    const error = await failure([EventSourcingModule.forRoot({ engine: new MemoryEngine(), mailboxSizeMax: -1 })]);
    expect(error.code).toBe('INVALID_OPTION');
    expect(error.message).toContain("'mailboxSizeMax'");
  });

  it('the same class in two modules is no mistake: both get the same actors', async () => {
    @Module({ imports: [feature(Sound)], providers: [WantsSound], exports: [WantsSound] })
    class One {}
    @Injectable()
    class AlsoWantsSound extends WantsSound {}
    @Module({ imports: [feature(Sound)], providers: [AlsoWantsSound], exports: [AlsoWantsSound] })
    class Two {}
    const app = await Test.createTestingModule({ imports: [root(), One, Two] }).compile();
    await app.init();
    await (await app.get(WantsSound).actors.get('x')).happen();
    expect((await app.get(AlsoWantsSound).actors.get('x')).version).toBe(1);
    await app.close();
  });
});
