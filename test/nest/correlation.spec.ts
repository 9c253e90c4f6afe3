import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, type INestApplication, Module, Param, Post } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Actor,
  ActorRepository,
  AuditTrail,
  Command,
  EventHandler,
  EventSourcingModule,
  getActorToken,
  type Heard,
  InjectActor,
  ListenTo,
  LiveActor,
  OneActor,
  type StoredEvent,
} from 'omniscient-nest';
import { MemoryEngine, MemoryStore } from 'omniscient-nest/memory';
import request from 'supertest';
import { patientMs } from '../support/machine-speed.js';

interface ShopEvents {
  ordered: { customer: string };
}
interface AccountEvents {
  charged: { order: string };
}

@Actor({ prefix: 'shop-', ignores: ['ordered'] })
class Shop extends LiveActor<object, ShopEvents> {
  initialState() {
    return {};
  }

  @Command() order(customer: string) {
    this.fire('ordered', { customer });
  }
}

@Actor({ prefix: 'account-', ignores: ['charged'] })
class Account extends LiveActor<object, AccountEvents> {
  initialState() {
    return {};
  }

  @ListenTo<ShopEvents, 'ordered'>({ events: ['ordered'], to: ({ data }) => data.customer })
  onOrdered({ id }: Heard<ShopEvents, 'ordered'>) {
    this.fire('charged', { order: id });
  }
}

@Actor({ prefix: 'ledger-' })
class Ledger extends OneActor<{ lines: number }, { booked: { line: string } }> {
  initialState() {
    return { lines: 0 };
  }

  @Command() book(line: string) {
    this.fire('booked', { line });
    return this.state.lines;
  }

  @EventHandler() booked() {
    this.state.lines += 1;
  }
}

@Controller('shops')
class ShopController {
  constructor(
    @InjectActor(Shop) private readonly shops: ActorRepository<Shop>,
    @InjectActor(Ledger) private readonly ledgers: ActorRepository<Ledger>,
  ) {}

  @Post(':id/orders/:customer')
  async order(@Param('id') id: string, @Param('customer') customer: string) {
    await (await this.shops.get(id)).order(customer);
    return { lines: await (await this.ledgers.get('main')).book(customer) };
  }

  @Get(':id') look() {
    return {};
  }
}

let store: MemoryStore;
let apps: INestApplication[] = [];

beforeEach(() => {
  store = new MemoryStore();
});
afterEach(async () => {
  for (const app of apps) await app.close();
  apps = [];
});

async function startApp(nodeId: string): Promise<INestApplication> {
  const imports = [
    EventSourcingModule.forRoot({ engine: new MemoryEngine({ store }), nodeId }),
    EventSourcingModule.forFeature([Shop, Account, Ledger]),
  ];
  @Module({ imports, controllers: [ShopController] })
  class AppModule {}
  const app = (await Test.createTestingModule({ imports: [AppModule] }).compile()).createNestApplication();
  apps.push(app);
  return app.init();
}

async function causedBy(app: INestApplication, correlationId: string, count: number): Promise<StoredEvent[]> {
  for (const endMs = performance.now() + patientMs(10_000); ; await sleep(10)) {
    const events: StoredEvent[] = [];
    for await (const event of app.get(AuditTrail).causedBy(correlationId)) events.push(event);
    if (events.length >= count || performance.now() > endMs) return events;
  }
}

const usersOwn = ({ name }: StoredEvent) => !name.startsWith('$');

describe('what one HTTP request causes', () => {
  it('bears the id from its header: on other nodes, in reactions, and in one query', async () => {
    const far = await startApp('far');
    // The other node leads.
    await (await far.get<ActorRepository<Ledger>>(getActorToken(Ledger)).get('main')).book('first');
    const near = await startApp('near');
    await request(near.getHttpServer()).post('/shops/s/orders/nobody').set('x-correlation-id', 'another').expect(201);

    const response = await request(near.getHttpServer()).post('/shops/s/orders/anna').set('x-correlation-id', 'req-7');
    expect(response.body).toEqual({ lines: 3 });
    expect(response.headers['x-correlation-id']).toBe('req-7');

    const caused = await causedBy(far, 'req-7', 4);
    const own = caused.filter(usersOwn);
    expect(own.map(({ streamId, name }) => `${streamId} ${name}`).sort()).toEqual([
      'account-anna charged',
      'ledger-main booked',
      'shop-s ordered',
    ]);
    const of = (name: string) => own.find((event) => event.name === name) as StoredEvent;
    expect(of('charged').metadata.causationId).toBe(of('ordered').id);
    expect(of('ordered').metadata.causationId).toBeNull();
    expect(of('booked').metadata).toMatchObject({ firedBy: { nodeId: 'far' }, actor: 'Ledger' });
    expect(caused.map(({ position }) => position)).toEqual(
      caused.map(({ position }) => position).sort((a, b) => Number(a) - Number(b)),
    );
  });

  it('gets an id of its own where none came, or none that could be sent back', async () => {
    const app = await startApp('only');
    const ids = new Set<string>();
    for (const header of [undefined, '', 'x'.repeat(201), 'with space']) {
      const call = request(app.getHttpServer()).post('/shops/s/orders/anna');
      const response = await (header === undefined ? call : call.set('x-correlation-id', header));
      const id = response.headers['x-correlation-id'] as string;
      expect(id).not.toBe(header);
      ids.add(id);
      expect((await causedBy(app, id, 3)).filter(usersOwn)).toHaveLength(3);
    }
    expect(ids.size).toBe(4);
  });

  it('may be called x-request-id', async () => {
    const app = await startApp('only');
    const response = await request(app.getHttpServer()).get('/shops/s').set('x-request-id', 'r1');
    expect(response.headers['x-correlation-id']).toBe('r1');
  });

  it('is not mixed up with what runs at the same time', async () => {
    const app = await startApp('only');
    const names = Array.from({ length: 20 }, (_, i) => `c${i}`);
    await Promise.all(
      names.map((name) => request(app.getHttpServer()).post(`/shops/s/orders/${name}`).set('x-correlation-id', name)),
    );
    for (const name of names) {
      const own = (await causedBy(app, name, 3)).filter(usersOwn);
      expect(own.map(({ name: event }) => event).sort()).toEqual(['booked', 'charged', 'ordered']);
      expect(own.find(({ name: event }) => event === 'charged')?.streamId).toBe(`account-${name}`);
    }
  });

  it('reads from a position on, and refuses what is none', async () => {
    const app = await startApp('only');
    await request(app.getHttpServer()).post('/shops/s/orders/anna').set('x-correlation-id', 'r');
    const all = await causedBy(app, 'r', 4);
    const later = [];
    const after = all[0]?.position as number;
    for await (const event of app.get(AuditTrail).causedBy('r', { after })) later.push(event);
    expect(later).toEqual(all.slice(1));
    await expect(app.get(AuditTrail).causedBy('r', { after: -1 }).next()).rejects.toMatchObject({
      code: 'INVALID_AFTER',
    });
  });
});
