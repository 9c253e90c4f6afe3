import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Injectable, Module, Optional, Param, Post, Scope, Sse } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  Actor,
  ActorRepository,
  Clock,
  Command,
  EventHandler,
  EventSourcingModule,
  type EventSourcingOptionsFactory,
  EventSubscriptions,
  getActorToken,
  InjectActor,
  LiveActor,
  ShuttingDownError,
} from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { config, firstValueFrom, map, take, toArray } from 'rxjs';
import request from 'supertest';
import { silentLogger } from '../support/silent-logger.js';

@Injectable()
class Greeter {
  greet(): string {
    return 'hello';
  }
}

interface RoomState {
  said: string[];
  at?: string;
}

/** A spec hears here that a slow command runs. */
let slowlyBegun = () => {};

@Actor()
class Room extends LiveActor<RoomState, { said: { text: string } }> {
  @Inject(Clock) readonly clock!: Clock;

  constructor(
    private readonly greeter: Greeter,
    @Inject('SUFFIX') @Optional() private readonly suffix: string | undefined,
  ) {
    super();
  }

  initialState(): RoomState {
    return { said: [] };
  }

  @Command()
  greet(): number {
    this.fire('said', { text: this.greeter.greet() + (this.suffix ?? '') });
    return this.clock.now();
  }

  @Command()
  async greetSlowly(ms: number): Promise<void> {
    slowlyBegun();
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.fire('said', { text: 'at last' });
  }

  @EventHandler() said({ text }: { text: string }) {
    this.state.said.push(text);
  }
}

@Controller('rooms/:id')
class RoomController {
  constructor(@InjectActor(Room) readonly rooms: ActorRepository<Room>) {}
  @Post() async greet(@Param('id') id: string) {
    await (await this.rooms.get(id)).greetSlowly(50);
    return { done: true };
  }
  @Get() async show(@Param('id') id: string) {
    return (await this.rooms.get(id)).state;
  }
  @Sse('live') live(@Param('id') id: string) {
    return this.rooms.state$(id).pipe(map((state) => ({ data: state })));
  }
}

@Module({ imports: [EventSourcingModule.forFeature([Room])], controllers: [RoomController], providers: [Greeter] })
class RoomsModule {}

const token = getActorToken(Room);
const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'omniscient-nest-'));
  cleanUp.push(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function greetOnce(
  imports: NonNullable<Parameters<typeof Test.createTestingModule>[0]['imports']>,
): Promise<readonly string[]> {
  const app = await Test.createTestingModule({ imports }).compile();
  await app.init();
  const room = await app.get<ActorRepository<Room>>(token).get('hall');
  await room.greet();
  await app.close();
  return room.state.said;
}

describe('forRoot and forRootAsync', () => {
  it('stores in ./data/events.db without options', async () => {
    const before = process.cwd();
    process.chdir(temporaryFolder());
    try {
      expect(await greetOnce([EventSourcingModule.forRoot(), RoomsModule])).toEqual(['hello']);
      expect(existsSync('data/events.db')).toBe(true);
      expect(await greetOnce([EventSourcingModule.forRoot(), RoomsModule])).toEqual(['hello', 'hello']);
    } finally {
      process.chdir(before);
    }
  });

  it('takes options from a factory, a class and an existing provider', async () => {
    @Injectable()
    class Settings implements EventSourcingOptionsFactory {
      readonly engine = new MemoryEngine();
      createEventSourcingOptions() {
        return { engine: this.engine, nodeId: 'from-settings' };
      }
    }
    @Module({ providers: [Settings], exports: [Settings] })
    class SettingsModule {}
    const forms = [
      EventSourcingModule.forRootAsync({ useFactory: async () => ({ engine: new MemoryEngine() }) }),
      EventSourcingModule.forRootAsync({
        imports: [SettingsModule],
        inject: [Settings],
        useFactory: (settings: Settings) => settings.createEventSourcingOptions(),
      }),
      EventSourcingModule.forRootAsync({ useClass: Settings }),
      EventSourcingModule.forRootAsync({ imports: [SettingsModule], useExisting: Settings }),
    ];
    for (const form of forms) expect(await greetOnce([form, RoomsModule])).toEqual(['hello']);
  });

  it("rejects the start with the engine's own error when the store cannot be used", async () => {
    const engine = new SqliteEngine({ file: temporaryFolder() });
    const starting = Test.createTestingModule({ imports: [EventSourcingModule.forRoot({ engine })] })
      .setLogger(silentLogger)
      .compile();
    await expect(starting).rejects.toMatchObject({ code: 'CANNOT_OPEN' });
  });
});

describe('injection', () => {
  it('gives actors what their own module provides, optional parts, properties, and overrides', async () => {
    const app = await Test.createTestingModule({
      imports: [EventSourcingModule.forRoot({ engine: new MemoryEngine() }), RoomsModule],
    })
      .overrideProvider(Greeter)
      .useValue({ greet: () => 'moin' })
      .overrideProvider(Clock)
      .useValue({ now: () => 42 })
      .compile();
    await app.init();
    const room = await app.get<ActorRepository<Room>>(token).get('hall');
    expect(await room.greet()).toBe(42);
    expect(room.state.said).toEqual(['moin']);
    const [event] = await Promise.all([firstValueFrom(app.get(EventSubscriptions).stream$('hall'))]);
    expect(event?.metadata.at).toBe('1970-01-01T00:00:00.042Z');
    await app.close();
  });

  it('refuses what only exists for one request', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {}
    @Actor()
    class Confused extends LiveActor<object, object> {
      constructor(readonly part: PerRequest) {
        super();
      }
      initialState() {
        return {};
      }
    }
    @Module({ imports: [EventSourcingModule.forFeature([Confused])], providers: [PerRequest] })
    class Feature {}
    const app = await Test.createTestingModule({
      imports: [EventSourcingModule.forRoot({ engine: new MemoryEngine() }), Feature],
    })
      .setLogger(silentLogger)
      .compile();
    await expect(app.init()).rejects.toMatchObject({ code: 'UNRESOLVED_DEPENDENCY' });
  });

  it('works in an application context without HTTP', async () => {
    @Module({ imports: [EventSourcingModule.forRoot({ engine: new MemoryEngine(), nodeId: 'me' }), RoomsModule] })
    class AppModule {}
    const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
    await (await app.get<ActorRepository<Room>>(token).get('hall')).greet();
    const all = await firstValueFrom(app.get(EventSubscriptions).all$().pipe(take(1), toArray()));
    expect(all[0]).toMatchObject({
      streamId: 'hall',
      version: 1,
      metadata: { actor: 'Room', firedBy: { nodeId: 'me' } },
    });
    await app.close();
  });
});

describe('shutdown', () => {
  it('finishes what was accepted, refuses the rest, ends streams to browsers, then closes the engine', async () => {
    const store = new MemoryStore();
    const testing = await Test.createTestingModule({
      imports: [EventSourcingModule.forRoot({ engine: new MemoryEngine({ store }) }), RoomsModule],
    }).compile();
    const app = testing.createNestApplication();
    await app.listen(0);
    const url = await app.getUrl();
    const live = (await fetch(`${url}/rooms/hall/live`)).text();
    const runs = new Promise<void>((resolve) => {
      slowlyBegun = resolve;
    });
    const accepted = request(url)
      .post('/rooms/hall')
      .expect(201, { done: true })
      .then((response) => response);
    const rooms = app.get<ActorRepository<Room>>(token);
    const room = await rooms.get('hall');
    await runs;
    const closing = app.close();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(room.greet()).rejects.toBeInstanceOf(ShuttingDownError);
    await closing;
    await accepted;
    expect(await live).toContain('at last');
    expect(store.streams.get('hall')?.map(({ data }) => data)).toEqual(['{"text":"at last"}']);
    await expect(rooms.get('elsewhere')).rejects.toBeInstanceOf(ShuttingDownError);
  });

  it('a subscriber that throws ends neither its subscription nor the process; the handler is taken back on close', async () => {
    const before = config.onUnhandledError;
    const app = await Test.createTestingModule({
      imports: [EventSourcingModule.forRoot({ engine: new MemoryEngine() }), RoomsModule],
    })
      .setLogger(silentLogger)
      .compile();
    await app.init();
    app.useLogger(silentLogger);
    const rooms = app.get<ActorRepository<Room>>(token);
    const seen: number[] = [];
    rooms.state$('hall').subscribe(({ said }) => {
      seen.push(said.length);
      throw new Error('clumsy');
    });
    const room = await rooms.get('hall');
    await room.greet();
    await room.greet();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(seen).toEqual([0, 1, 2]);
    await app.close();
    expect(config.onUnhandledError).toBe(before);
  });
});
