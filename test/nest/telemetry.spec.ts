import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, type INestApplication, Module, Param, Post } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { SpanKind, trace } from '@opentelemetry/api';
import {
  ActorRepository,
  EventHandler,
  EventSourcingModule,
  EventSubscriptions,
  getActorToken,
  InjectActor,
  Projection,
  type StoredEvent,
} from 'omniscient-nest';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { filter, firstValueFrom } from 'rxjs';
import request from 'supertest';
import { Account, Shop } from '../support/listeners.js';
import { Desk } from '../support/one-actors.js';
import { silentLogger } from '../support/silent-logger.js';
import { Observatory } from '../support/telemetry.js';

@Projection({ name: 'orders' })
class Orders {
  @EventHandler() ordered() {}
}

@Controller('orders')
class OrderController {
  constructor(
    @InjectActor(Shop) private readonly shops: ActorRepository<Shop>,
    @InjectActor(Desk) private readonly desks: ActorRepository<Desk>,
  ) {}

  @Post(':account')
  async order(@Param('account') account: string) {
    await (await this.shops.get('shop')).order(account, 7);
    return { seat: await (await this.desks.get('desk')).sell(account) };
  }
}

let observatory: Observatory;
let folder: string;
let apps: INestApplication[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'omniscient-telemetry-'));
  observatory = new Observatory();
});
afterEach(async () => {
  await Promise.all(apps.map((app) => app.close()));
  apps = [];
  observatory.close();
  rmSync(folder, { recursive: true });
});

/** A node of its own on the same file. */
async function start(nodeId: string, actors: object[], providers: object[] = []): Promise<INestApplication> {
  const engine = new SqliteEngine({ file: join(folder, 'events.db') });
  @Module({
    imports: [EventSourcingModule.forRoot({ engine, nodeId }), EventSourcingModule.forFeature(actors as never)],
    controllers: actors.includes(Shop) ? [OrderController] : [],
    providers: providers as never,
  })
  class AppModule {}
  const module = await Test.createTestingModule({ imports: [AppModule] })
    .setLogger(silentLogger)
    .compile();
  const app = module.createNestApplication();
  // What an instrumentation of HTTP does.
  app.use(
    (incoming: { method: string }, response: { on(event: 'finish', end: () => void): void }, next: () => void) => {
      trace.getTracer('http').startActiveSpan(incoming.method, { kind: SpanKind.SERVER }, (span) => {
        response.on('finish', () => span.end());
        next();
      });
    },
  );
  await app.init();
  apps.push(app);
  return app;
}

function stored(app: INestApplication, name: string): Promise<StoredEvent> {
  return firstValueFrom(
    app
      .get(EventSubscriptions)
      .all$()
      .pipe(filter((event) => event.name === name)),
  );
}

async function spanOf(name: string) {
  while (observatory.spansOf(name).length === 0) await sleep(5);
  return observatory.spansOf(name)[0];
}

describe('one HTTP request', () => {
  it('is one trace: through commands, commits, a forwarded command, and a reaction and a projection on another node', async () => {
    const two = await start('two', [Desk, Account], [Orders]);
    await (await two.get<ActorRepository<Desk>>(getActorToken(Desk)).get('desk')).sell('somebody else');
    const one = await start('one', [Shop, Desk]);
    observatory.forget();

    const { body } = await request(one.getHttpServer()).post('/orders/anna').expect(201);
    expect(body).toEqual({ seat: 2 });
    const charged = await stored(one, 'charged');
    for (const name of ['POST', 'append Account', 'Account.onOrdered', 'orders.ordered']) await spanOf(name);

    const traceId = (await spanOf('POST'))?.spanContext().traceId as string;
    expect(observatory.treeOf(traceId)).toEqual({
      POST: {
        'Desk.sell @ one': {
          'forward Desk.sell @ one': { 'serve Desk.sell @ two': { 'append Desk @ two': {} } },
        },
        'Shop.order @ one': {
          'append Shop @ one': {},
          'Account.onOrdered @ two': { 'append Account @ two': {} },
          'orders.ordered @ two': {},
        },
      },
    });
    const spanId = (name: string) => observatory.spansOf(name)[0]?.spanContext().spanId;
    const { metadata } = await stored(one, 'ordered');
    expect(metadata.traceparent).toBe(`00-${traceId}-${spanId('Shop.order')}-01`);
    expect(charged.metadata.traceparent).toBe(`00-${traceId}-${spanId('Account.onOrdered')}-01`);
    expect((await spanOf('Account.onOrdered'))?.kind).toBe(SpanKind.CONSUMER);
    expect((await spanOf('Account.onOrdered'))?.attributes).toMatchObject({
      'omniscient.actor': 'Account',
      'omniscient.actor.id': 'anna',
      'omniscient.listener': 'onOrdered',
      'omniscient.event.name': 'ordered',
      'omniscient.correlation.id': metadata.correlationId,
    });
    expect((await spanOf('serve Desk.sell'))?.kind).toBe(SpanKind.SERVER);
  });

  it('leaves no trace where telemetry is switched off', async () => {
    const engine = new SqliteEngine({ file: join(folder, 'events.db') });
    const imports = [EventSourcingModule.forRoot({ engine, telemetry: false }), EventSourcingModule.forFeature([Shop])];
    const app = (await Test.createTestingModule({ imports }).compile()).createNestApplication();
    apps.push(await app.init());
    await (await app.get<ActorRepository<Shop>>(getActorToken(Shop)).get('shop')).order('anna', 1);
    expect(observatory.spans).toEqual([]);
    expect(Object.keys((await stored(app, 'ordered')).metadata)).not.toContain('traceparent');
    expect(await observatory.metric('omniscient.command.duration')).toEqual({});
  });
});
