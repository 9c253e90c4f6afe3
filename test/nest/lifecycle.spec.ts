import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type INestApplicationContext,
  Injectable,
  Module,
  type OnModuleDestroy,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Actor,
  ActorRepository,
  Command,
  EventHandler,
  EventSourcingModule,
  getActorToken,
  type Heard,
  InjectActor,
  ListenTo,
  LiveActor,
  ParkedEvents,
  Projection,
  TickActor,
} from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import { config } from 'rxjs';
import type { ActorBase, ActorClass } from '../../lib/kernel/declaring/actor.js';
import { eventually } from '../support/eventually.js';
import { silentLogger } from '../support/silent-logger.js';

interface TillEvents {
  ordered: { item: string };
}

@Actor({ prefix: 'till-', ignores: ['ordered'] })
class Till extends LiveActor<object, TillEvents> {
  initialState() {
    return {};
  }
  @Command() order(item: string) {
    this.fire('ordered', { item });
  }
}

/** How long a connection takes to open: longer than a node needs to be elected. Milliseconds. */
const OPENS_IN_MS = 1_200;

/** What actors and projections use: open from the end of `onModuleInit` to the beginning of `onModuleDestroy`. */
@Injectable()
class Database implements OnModuleInit, OnModuleDestroy {
  static opensInMs = 0;
  #isOpen = false;
  readonly used: string[] = [];
  readonly refused: string[] = [];

  async onModuleInit() {
    await sleep(Database.opensInMs);
    this.#isOpen = true;
  }

  onModuleDestroy() {
    this.#isOpen = false;
  }

  use(by: string) {
    if (!this.#isOpen) {
      this.refused.push(by);
      throw new Error(`${by}: the database is not open`);
    }
    this.used.push(by);
  }
}

@Projection()
class Rows {
  constructor(readonly database: Database) {}
  @EventHandler() ordered() {
    this.database.use('projection');
  }
}

@Actor({ prefix: 'bill-', ignores: ['billed'] })
class Bill extends LiveActor<object, { billed: object; opened: object }> {
  constructor(readonly database: Database) {
    super();
  }
  initialState() {
    return {};
  }
  @Command() open() {
    this.fire('opened', {});
  }
  @Command() async billSlowly() {
    slowlyBegun();
    await sleep(200);
    this.database.use('command');
    this.fire('billed', {});
  }
  @ListenTo<TillEvents, 'ordered'>({ events: ['ordered'], to: () => 'called' })
  onOrdered(_heard: Heard<TillEvents, 'ordered'>) {
    this.database.use('called reaction');
  }
  @ListenTo(() => ['till-main'], { events: ['ordered'] })
  onMain(_heard: Heard<TillEvents, 'ordered'>) {
    this.database.use('own reaction');
  }
}

@Actor({ prefix: 'alarm-' })
class Alarm extends TickActor<object, object> {
  constructor(readonly database: Database) {
    super();
  }
  initialState() {
    return {};
  }
  override onActivate() {
    this.database.use('ticking actor');
  }
  @Command() begin() {
    this.startTicking({ everyMs: 3_600_000 });
  }
}

let slowlyBegun = () => {};

/** Gives commands while the application is being put together. */
@Injectable()
class Early implements OnModuleInit {
  static commands: ((early: Early) => Promise<unknown>) | undefined;

  constructor(
    @InjectActor(Till) readonly tills: ActorRepository<Till>,
    @InjectActor(Bill) readonly bills: ActorRepository<Bill>,
  ) {}

  async onModuleInit() {
    await Early.commands?.(this);
  }
}

@Module({ imports: [EventSourcingModule.forFeature([Till])] })
class TillOnlyModule {}

@Module({ imports: [EventSourcingModule.forFeature([Till, Bill])], providers: [Early] })
class EarlyModule {}

/** Nest initialises the one that it imports before it. */
@Module({ imports: [EarlyModule], providers: [Database], exports: [Database] })
class DatabaseModule {}

@Module({
  imports: [DatabaseModule, EventSourcingModule.forFeature([Till, Bill, Alarm])],
  providers: [Rows],
})
class ShopModule {}

let store: MemoryStore;
const apps: INestApplicationContext[] = [];

beforeEach(() => {
  store = new MemoryStore();
  Database.opensInMs = 0;
  Early.commands = undefined;
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

async function startApp(imports: Type[] = [ShopModule]): Promise<INestApplicationContext> {
  // One id, so that what an application leaves behind is the next one's at once.
  const options = { engine: new MemoryEngine({ store }), nodeId: 'shop', heartbeatTimeoutMs: 300 };
  const testing = await Test.createTestingModule({ imports: [EventSourcingModule.forRoot(options), ...imports] })
    .setLogger(silentLogger)
    .compile();
  apps.push(testing);
  return testing.init();
}

const repository = <A extends ActorBase<object, object>>(app: INestApplicationContext, actorClass: ActorClass<A>) =>
  app.get<ActorRepository<A>>(getActorToken(actorClass as ActorClass), { strict: false });

describe('when the application starts', () => {
  it('what waited is brought to actors and projections when what they use is ready', async () => {
    const before = await startApp();
    await (await repository(before, Alarm).get('dawn')).begin();
    await (await repository(before, Bill).get('called')).open();
    // Where it listens is written down.
    await eventually(() => store.streams.has('bill-called'));
    await before.close();
    const elsewhere = await startApp([TillOnlyModule]);
    await (await repository(elsewhere, Till).get('main')).order('bread');
    await elsewhere.close();

    Database.opensInMs = OPENS_IN_MS;
    // It is loaded early, and has ears.
    Early.commands = async ({ bills }) => (await bills.get('called')).open();
    const app = await startApp();
    const { used, refused } = app.get(Database, { strict: false });
    await eventually(() =>
      ['projection', 'called reaction', 'own reaction', 'ticking actor'].every((each) => used.includes(each)),
    );
    expect(refused).toEqual([]);
    expect(await app.get(ParkedEvents).count()).toBe(0);
  });

  it('what commands fire while it is put together is heard', async () => {
    Early.commands = async ({ tills }) => (await tills.get('corner')).order('salt');
    const app = await startApp();
    const { used, refused } = app.get(Database, { strict: false });
    await eventually(() => used.includes('projection') && used.includes('called reaction'));
    expect(refused).toEqual([]);
  });
});

describe('when the application ends', () => {
  it('an accepted command is finished before what it uses is closed', async () => {
    const app = await startApp();
    const { used, refused } = app.get(Database, { strict: false });
    const runs = new Promise<void>((resolve) => {
      slowlyBegun = resolve;
    });
    const billed = (await repository(app, Bill).get('slow')).billSlowly();
    await runs;
    await Promise.all([app.close(), billed]);
    expect({ used, refused }).toEqual({ used: ['command'], refused: [] });
  });

  it('a subscriber that throws in another application of this process is still caught', async () => {
    const before = config.onUnhandledError;
    const first = await startApp([TillOnlyModule]);
    store = new MemoryStore();
    const second = await startApp([TillOnlyModule]);
    const handler = config.onUnhandledError;
    expect(handler).not.toBeNull();
    await first.close();
    expect(config.onUnhandledError).toBe(handler);
    await second.close();
    expect(config.onUnhandledError).toBe(before);
  });
});
