import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, type INestApplication, Module } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { Test } from '@nestjs/testing';
import {
  ActorRepository,
  EventHandler,
  EventSourcingHealth,
  EventSourcingModule,
  type EventSourcingOptions,
  getActorToken,
  type HealthLimits,
  ParkedEvents,
  Projection,
} from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import { RethinkDbEngine } from 'omniscient-nest/rethinkdb';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import request from 'supertest';
import type { Engine } from '../../lib/engine/duties/engine.js';
import { EngineError } from '../../lib/kernel/values/errors.js';
import type { NodeHealth } from '../../lib/runtime/node/health.js';
import { Shop } from '../support/listeners.js';
import { patientMs } from '../support/machine-speed.js';
import { Desk } from '../support/one-actors.js';
import { describeWithRethinkDb, RethinkDbProcess, stopRethinkDb } from '../support/rethinkdb.js';
import { silentLogger } from '../support/silent-logger.js';

/** An engine that hangs, or fails, as a spec wants it. */
class SickEngine extends MemoryEngine {
  hangs = false;
  fails = false;
  beats = true;
  /** Appends fail with this. */
  refuses: EngineError | undefined;
  saves = true;

  override async lastPosition(): Promise<number> {
    if (this.hangs) return new Promise(() => {});
    if (this.fails) throw new EngineError('ENGINE_UNREACHABLE', 'no server answers', { retryable: true });
    return super.lastPosition();
  }

  override async append(...request: Parameters<MemoryEngine['append']>) {
    if (this.refuses) throw this.refuses;
    return super.append(...request);
  }

  override async saveCheckpoint(...checkpoint: Parameters<MemoryEngine['saveCheckpoint']>): Promise<boolean> {
    if (!this.saves) throw new EngineError('READ_ONLY', 'it can only be read');
    return super.saveCheckpoint(...checkpoint);
  }

  override async beat(...record: Parameters<MemoryEngine['beat']>): Promise<void> {
    if (!this.beats) throw new EngineError('ENGINE_UNREACHABLE', 'no heartbeat gets through', { retryable: true });
    return super.beat(...record);
  }
}

/** Counts what is read, and by which names. */
class CountingEngine extends MemoryEngine {
  placesRead = 0;

  override async readAll(after: number, limit: number, names?: readonly string[]) {
    if (names?.includes('$parked')) this.placesRead += (await this.lastPosition()) - after;
    return super.readAll(after, limit, names);
  }
}

const broken = new Set<number>();

@Projection({ name: 'orders' })
class Orders {
  @EventHandler() ordered({ amount }: { amount: number }) {
    if (broken.has(amount)) throw new Error(`cannot take ${amount}`);
  }
}

@Projection({ name: 'strict', onFailure: 'stop' })
class Strict {
  @EventHandler() ordered({ amount }: { amount: number }) {
    if (broken.has(amount)) throw new Error(`cannot take ${amount}`);
  }
}

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  broken.clear();
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

/** An application with a health check, as users have it. */
async function start(
  options: EventSourcingOptions,
  {
    limits = {},
    actors = [Shop],
    providers = [],
  }: { limits?: HealthLimits; actors?: never[] | object[]; providers?: never[] | object[] },
): Promise<INestApplication> {
  @Controller('health')
  class HealthController {
    constructor(
      private readonly health: HealthCheckService,
      private readonly events: EventSourcingHealth,
    ) {}

    @Get()
    @HealthCheck()
    check() {
      return this.health.check([() => this.events.check('events', limits)]);
    }
  }

  @Module({
    imports: [
      TerminusModule.forRoot({ logger: false }),
      EventSourcingModule.forRoot({ reactionTriesMax: 1, heartbeatTimeoutMs: 300, ...options }),
      EventSourcingModule.forFeature(actors as never),
    ],
    controllers: [HealthController],
    providers: providers as never,
  })
  class AppModule {}

  const app = (
    await Test.createTestingModule({ imports: [AppModule] })
      .setLogger(silentLogger)
      .compile()
  ).createNestApplication();
  await app.init();
  cleanUp.push(() => app.close());
  return app;
}

type Answer = Partial<NodeHealth> & { status: 'up' | 'down'; reason?: string; code?: string };

async function check(app: INestApplication): Promise<Answer & { http: number }> {
  const { status, body } = await request(app.getHttpServer()).get('/health');
  return { http: status, ...body.details.events };
}

async function eventually(app: INestApplication, status: 'up' | 'down', withinMs = 8_000): Promise<Answer> {
  const endMs = performance.now() + patientMs(withinMs);
  for (;;) {
    const answer = await check(app);
    if (answer.status === status || performance.now() > endMs) {
      expect(answer).toMatchObject({ status, http: status === 'up' ? 200 : 503 });
      return answer;
    }
    await sleep(20);
  }
}

async function order(app: INestApplication, ...amounts: number[]): Promise<void> {
  const shop = await app.get<ActorRepository<Shop>>(getActorToken(Shop)).get('shop');
  for (const amount of amounts) await shop.order('a', amount);
}

describe('the health indicator', () => {
  it('is up while all is well, and tells of engine, nodes, lag and parked events', async () => {
    const app = await start(
      { engine: new MemoryEngine(), nodeId: 'one' },
      { actors: [Shop, Desk], providers: [Orders] },
    );
    const answer = await eventually(app, 'up');
    expect(answer).toEqual({
      http: 200,
      status: 'up',
      nodeId: 'one',
      engine: { name: 'memory', answersInMs: expect.any(Number) },
      nodes: ['one'],
      isIsolated: false,
      lag: { orders: expect.any(Number) },
      parked: 0,
    });
  });

  it('knows the other nodes, and which of them have gone', async () => {
    const store = new MemoryStore();
    const one = await start({ engine: new MemoryEngine({ store }), nodeId: 'one' }, { actors: [Desk] });
    const other = await start({ engine: new MemoryEngine({ store }), nodeId: 'other' }, { actors: [Desk] });
    const nodes = async () => (await check(one)).nodes;
    while ((await nodes())?.length !== 2) await sleep(10);
    expect(await nodes()).toEqual(['one', 'other']);
    await other.close();
    while ((await nodes())?.length !== 1) await sleep(10);
    expect(await nodes()).toEqual(['one']);
  });

  it('does not call a node isolated that has no need of the others', async () => {
    const app = await start({ engine: new MemoryEngine(), heartbeatTimeoutMs: 50 }, {});
    await sleep(200);
    expect(await check(app)).toMatchObject({ http: 200, status: 'up', isIsolated: false });
  });

  it('is down while the engine hangs or fails, says why, and is up again with it', async () => {
    const engine = new SickEngine();
    const app = await start({ engine }, {});
    engine.hangs = true;
    expect(await check(app)).toEqual({
      http: 503,
      status: 'down',
      reason: expect.stringContaining('the memory engine did not answer within'),
      code: 'ENGINE_SILENT',
    });
    engine.hangs = false;
    await eventually(app, 'up');
    engine.fails = true;
    expect(await check(app)).toEqual({
      http: 503,
      status: 'down',
      reason: 'no server answers',
      code: 'ENGINE_UNREACHABLE',
    });
    engine.fails = false;
    await eventually(app, 'up');
  });

  it('is down while appends fail although all else works, says with what, and is up again with the first that works', async () => {
    const engine = new SickEngine();
    const app = await start({ engine, commitTimeoutMs: 500 }, {});
    await order(app, 1);
    engine.refuses = new EngineError('DISK_FULL', 'the disk is full: make room', { retryable: true });
    await expect(order(app, 2)).rejects.toMatchObject({ code: 'COMMIT_TIMEOUT' });
    const answer = await eventually(app, 'down');
    expect(answer).toMatchObject({
      code: 'DISK_FULL',
      reason: 'nothing can be stored: the disk is full: make room',
      engine: { failure: { code: 'DISK_FULL', message: 'the disk is full: make room' } },
    });
    engine.refuses = undefined;
    // What is pending is tried again by itself.
    expect(await eventually(app, 'up')).not.toHaveProperty('engine.failure');
  });

  it('is not down because one commit was too large', async () => {
    const engine = new SickEngine();
    const app = await start({ engine }, {});
    engine.refuses = new EngineError('EVENT_TOO_LARGE', 'an event is too large');
    await expect(order(app, 2)).rejects.toMatchObject({ code: 'EVENT_TOO_LARGE' });
    await sleep(1_500);
    expect(await check(app)).toMatchObject({ http: 200 });
  });

  it('is down when nothing can be stored and nobody has tried to yet, and up again without that anybody does', async () => {
    const engine = new SickEngine();
    engine.saves = false;
    const app = await start({ engine }, {});
    expect(await check(app)).toMatchObject({ http: 503, code: 'READ_ONLY' });
    engine.saves = true;
    await eventually(app, 'up');
  });

  it('is down while the heartbeats of this node fail', async () => {
    const engine = new SickEngine();
    const app = await start({ engine }, { actors: [Desk] });
    await eventually(app, 'up');
    engine.beats = false;
    const { reason, isIsolated } = await eventually(app, 'down');
    expect(isIsolated).toBe(true);
    expect(reason).toContain('heartbeats');
    engine.beats = true;
    await eventually(app, 'up');
  });

  it('is down while somebody is further behind than is allowed', async () => {
    broken.add(2);
    const app = await start({ engine: new MemoryEngine() }, { limits: { lagMax: 3 }, providers: [Orders, Strict] });
    await order(app, 1, 2, 3, 4, 5, 6);
    // The other one gets there.
    while ((await check(app)).lag?.orders !== 0) await sleep(20);
    const { reason, lag } = await eventually(app, 'down');
    expect(reason).toMatch(/^strict is \d+ positions behind \(at most 3 are allowed\)$/);
    expect(lag?.strict).toBeGreaterThan(3);
    broken.clear();
    await eventually(app, 'up', 15_000);
  });

  it('is down while too many events are parked: until they are retried or discarded', async () => {
    broken.add(2).add(3);
    const app = await start({ engine: new MemoryEngine() }, { limits: { parkedMax: 1 }, providers: [Orders] });
    await order(app, 1, 2);
    const parkedEvents = app.get(ParkedEvents);
    while ((await parkedEvents.count()) < 1) await sleep(10);
    expect(await check(app)).toMatchObject({ http: 200, parked: 1 });
    await order(app, 3);
    const { reason } = await eventually(app, 'down');
    expect(reason).toBe('2 events are parked (at most 1 are allowed)');
    const [two, three] = await parkedEvents.list();
    broken.clear();
    await parkedEvents.retry(two?.id as string);
    expect(await check(app)).toMatchObject({ http: 200, parked: 1 });
    await parkedEvents.discard(three?.id as string);
    expect(await check(app)).toMatchObject({ http: 200, parked: 0 });
  });
});

describe('parked events', () => {
  it('are counted without reading the whole store: not at every check, nor when a process starts', async () => {
    const store = new MemoryStore();
    const engine = new CountingEngine({ store });
    broken.add(2);
    const app = await start({ engine }, { limits: { parkedMax: 0 }, providers: [Orders] });
    await order(app, 2);
    await eventually(app, 'down');
    const events = Array.from({ length: 500 }, (_, i) => ({ id: `e${i}`, name: 'filler', data: '{}', metadata: '{}' }));
    for (let i = 0; i < 24; i += 1) {
      const own = events.map((event) => ({ ...event, id: `${event.id}-${i}` }));
      await engine.append({ streamId: `other-${i}`, expectedVersion: 0, events: own });
    }
    expect(await check(app)).toMatchObject({ parked: 1 });
    engine.placesRead = 0;
    for (let i = 0; i < 10; i += 1) expect(await check(app)).toMatchObject({ parked: 1 });
    expect(engine.placesRead).toBeLessThan(100);

    const restarted = new CountingEngine({ store });
    const second = await start({ engine: restarted }, { limits: { parkedMax: 0 } });
    expect(await check(second)).toMatchObject({ http: 503, parked: 1 });
    expect(restarted.placesRead).toBeLessThan(100);
    const [parked] = await second.get(ParkedEvents).list();
    expect(parked).toMatchObject({ listener: 'orders.ordered', event: { data: { amount: 2 } } });
    await app.get(ParkedEvents).discard(parked?.id as string);
    expect(await check(second)).toMatchObject({ http: 200, parked: 0 });
  });
});

/** Puts events aside on one node; another one, started later, lists, retries and discards them. */
async function parkAndRetry(newEngine: () => Engine): Promise<void> {
  broken.add(2).add(3).add(4);
  const app = await start({ engine: newEngine() }, { limits: { parkedMax: 0 }, providers: [Orders] });
  await order(app, 1, 2, 3, 4);
  while ((await app.get(ParkedEvents).count()) < 3) await sleep(10);
  const other = await start({ engine: newEngine() }, { limits: { parkedMax: 0 }, providers: [Orders] });
  expect(await check(other)).toMatchObject({ http: 503, parked: 3 });
  const parked = await other.get(ParkedEvents).list();
  expect(parked.map(({ event }) => event.data)).toMatchObject([{ amount: 2 }, { amount: 3 }, { amount: 4 }]);
  broken.clear();
  const [two, three, four] = parked.map(({ id }) => id) as [string, string, string];
  await app.get(ParkedEvents).retry(three);
  await app.get(ParkedEvents).discard(two);
  expect((await other.get(ParkedEvents).list()).map(({ id }) => id)).toEqual([four]);
  await other.get(ParkedEvents).retry(four);
  expect(await eventually(app, 'up')).toMatchObject({ parked: 0 });
}

describe('parked events in an SQLite file', () => {
  it('are the same on every node', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'omniscient-health-'));
    cleanUp.push(() => rmSync(folder, { recursive: true }));
    await parkAndRetry(() => new SqliteEngine({ file: join(folder, 'events.db') }));
  });
});

describeWithRethinkDb('the health indicator on RethinkDB', () => {
  let server: RethinkDbProcess;
  beforeAll(async () => {
    server = await RethinkDbProcess.start();
  });
  afterAll(stopRethinkDb);

  const newEngine = (database: string) => () =>
    new RethinkDbEngine({
      servers: [server],
      database,
      warn: () => {},
      queryTimeoutMs: 3_000,
      connectTimeoutMs: 2_000,
    });

  it('knows what is parked on every node', () => parkAndRetry(newEngine('parked')));

  it('is down while the server is frozen, and up again when it goes on', async () => {
    const app = await start({ engine: newEngine('frozen')() }, {});
    await eventually(app, 'up');
    server.kill('SIGSTOP');
    const { reason } = await eventually(app, 'down');
    expect(reason).toBeDefined();
    server.kill('SIGCONT');
    await eventually(app, 'up', 15_000);
  });
});
