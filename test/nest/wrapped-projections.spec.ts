import { describe, expect, it } from '@jest/globals';
import { Module, type Provider } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Actor,
  type ActorRepository,
  Command,
  EventHandler,
  EventSourcingModule,
  getActorToken,
  LiveActor,
  Projection,
  Projections,
} from 'omniscient-nest';
import { MemoryEngine } from 'omniscient-nest/memory';
import { eventually } from '../support/eventually.js';
import { silentLogger } from '../support/silent-logger.js';

@Actor()
class Till extends LiveActor<object, { rang: { cents: number } }> {
  initialState() {
    return {};
  }
  @Command() ring(cents: number) {
    this.fire('rang', { cents });
  }
  @EventHandler() rang() {}
}

/** A class decorator that puts a class of its own in place of what it decorates, as those for tracing and metrics do. */
function Traced() {
  return <C extends new () => object>(target: C): C => {
    const Base: new () => object = target;
    return class Wrapper extends Base {} as C;
  };
}

/** A method decorator that puts a function of its own in place of the method. */
function Timed() {
  return (_prototype: object, _name: string, descriptor: PropertyDescriptor): PropertyDescriptor => {
    const original = descriptor.value as (...args: unknown[]) => unknown;
    return {
      ...descriptor,
      value(this: unknown, ...args: unknown[]) {
        return original.apply(this, args);
      },
    };
  };
}

@Projection()
class Sums {
  cents = 0;
  @EventHandler('rang') on({ cents }: { cents: number }) {
    this.cents += cents;
  }
}

class MoreSums extends Sums {}

@Traced()
@Projection({ name: 'TracedSums' })
class TracedSums extends Sums {}

@Traced()
@Projection()
class Nameless {
  cents = 0;
  @Timed()
  @EventHandler('rang')
  on({ cents }: { cents: number }) {
    this.cents += cents;
  }
}

@Projection()
class AboveTimed {
  cents = 0;
  @EventHandler('rang')
  @Timed()
  on({ cents }: { cents: number }) {
    this.cents += cents;
  }
}

async function application(provider: Provider) {
  @Module({
    imports: [EventSourcingModule.forRoot({ engine: new MemoryEngine() }), EventSourcingModule.forFeature([Till])],
    providers: [provider],
  })
  class App {}
  const lines: string[] = [];
  const logger = { ...silentLogger, warn: (line: string) => void lines.push(line) };
  const app = (
    await Test.createTestingModule({ imports: [App] })
      .setLogger(logger)
      .compile()
  ).createNestApplication();
  await app.init();
  const till = await app.get<ActorRepository<Till>>(getActorToken(Till)).get('t');
  return { app, till, lines };
}

describe('a projection', () => {
  it.each([
    ['is extended', MoreSums, 'Sums'],
    ['is extended, decorated again, and wrapped', TracedSums, 'TracedSums'],
    ['and its method are wrapped', Nameless, 'Nameless'],
    ['has its decorator above another', AboveTimed, 'AboveTimed'],
  ])('that %s gets its events, under the name of the class that was decorated', async (_how, projectionClass, name) => {
    const { app, till } = await application(projectionClass);
    await till.ring(5);
    await till.ring(7);
    const sums = app.get<{ cents: number }>(projectionClass);
    await eventually(() => sums.cents === 12);
    expect(app.get(Projections).names).toEqual([name]);
    await app.get(Projections).rebuild(projectionClass);
    await app.close();
  });

  it('in whose place a factory puts something else is missed in the log', async () => {
    const { app, lines } = await application({ provide: Sums, useFactory: () => ({ cents: 0 }) });
    expect(lines.filter((line) => line.includes('the projection Sums gets no events'))).toHaveLength(1);
    await app.close();
  });

  it('and its heir, both provided and decorated once, are told apart at the start', async () => {
    @Module({
      imports: [EventSourcingModule.forRoot({ engine: new MemoryEngine() })],
      providers: [Sums, MoreSums],
    })
    class App {}
    const app = (
      await Test.createTestingModule({ imports: [App] })
        .setLogger(silentLogger)
        .compile()
    ).createNestApplication();
    await expect(app.init()).rejects.toMatchObject({ code: 'DUPLICATE_PROJECTION' });
  });
});
