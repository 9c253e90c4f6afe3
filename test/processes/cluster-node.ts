import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { type ActorRepository, EventSourcingModule, getActorToken } from 'omniscient-nest';
import { RethinkDbEngine } from 'omniscient-nest/rethinkdb';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { Pulse, Purse, Till } from './cluster-actors.js';
import { say } from './say.js';

/** Which store a node of the cluster works on. */
export type Store =
  | { readonly kind: 'sqlite'; readonly file: string }
  | {
      readonly kind: 'rethinkdb';
      readonly servers: readonly { host: string; port: number }[];
      readonly database: string;
    };

/** What the test tells a node to do; every order is answered with its number. */
export type Order =
  | {
      readonly n: number;
      readonly do: 'take';
      readonly actor: 'till' | 'purse';
      readonly id: string;
      readonly token: string;
    }
  | {
      readonly n: number;
      readonly do: 'tick';
      readonly id: string;
      readonly everyMs: number;
      readonly count: number | null;
    }
  | { readonly n: number; readonly do: 'stopTicking'; readonly id: string }
  | { readonly n: number; readonly do: 'load'; readonly callers: number; readonly ids: readonly string[] }
  | { readonly n: number; readonly do: 'rest' }
  | { readonly n: number; readonly do: 'state'; readonly actor: 'till' | 'purse' | 'pulse'; readonly id: string }
  | { readonly n: number; readonly do: 'leads'; readonly id: string };

export interface Answer {
  readonly n: number;
  readonly value?: unknown;
  readonly error?: { name: string; code: unknown; message: string };
}

const { store, nodeId } = JSON.parse(process.argv[2] ?? '') as { store: Store; nodeId: string };

const engine =
  store.kind === 'sqlite'
    ? new SqliteEngine({ file: store.file })
    : new RethinkDbEngine({ ...store, queryTimeoutMs: 3_000, warn: () => {} });
class NodeModule {}
const imports = [
  EventSourcingModule.forRoot({ engine, nodeId, commitTimeoutMs: 60_000 }),
  EventSourcingModule.forFeature([Till, Purse, Pulse]),
];
const app = await NestFactory.createApplicationContext(
  { module: NodeModule, imports },
  { logger: process.env.LOG ? ['error', 'warn'] : false },
);
app.enableShutdownHooks();
const tills = app.get<ActorRepository<Till>>(getActorToken(Till));
const purses = app.get<ActorRepository<Purse>>(getActorToken(Purse));
const pulses = app.get<ActorRepository<Pulse>>(getActorToken(Pulse));

let loading = false;
let taken = 0;
let callers: Promise<unknown>[] = [];

/** Takes tokens one after another and says of each that it is acknowledged, or how it failed, before anything else can happen to this process. */
async function takeAsLongAsWanted(ids: readonly string[], caller: number): Promise<void> {
  for (let i = caller; loading; i += 1) {
    const isTill = i % 2 === 0;
    const id = ids[i % ids.length] as string;
    const token = `${nodeId}-${process.pid}-${++taken}`;
    try {
      const ref = isTill ? await tills.get(id) : await purses.get(id);
      await ref.take(token);
      say(`ok ${isTill ? 'till' : 'purse'}-${id} ${token}`);
    } catch (error) {
      say(`failed ${isTill ? 'till' : 'purse'}-${id} ${token} ${String((error as { code?: unknown }).code)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function obey(order: Order): Promise<unknown> {
  switch (order.do) {
    case 'take':
      return order.actor === 'till'
        ? (await tills.get(order.id)).take(order.token)
        : (await purses.get(order.id)).take(order.token);
    case 'tick':
      return (await pulses.get(order.id)).begin(order.everyMs, order.count);
    case 'stopTicking':
      return (await pulses.get(order.id)).end();
    case 'load':
      loading = true;
      callers = Array.from({ length: order.callers }, (_, i) => takeAsLongAsWanted(order.ids, i));
      return undefined;
    case 'rest':
      loading = false;
      await Promise.all(callers);
      return undefined;
    case 'state':
      return stateOf(order.actor, order.id);
    case 'leads':
      return (await tills.get(order.id)).isLeader;
  }
}

async function stateOf(actor: 'till' | 'purse' | 'pulse', id: string): Promise<unknown> {
  const ref = actor === 'till' ? await tills.get(id) : actor === 'purse' ? await purses.get(id) : await pulses.get(id);
  return ref.confirmed;
}

process.on('message', (order: Order) => {
  obey(order).then(
    (value) => process.send?.({ n: order.n, value } satisfies Answer),
    (error: { name: string; code?: unknown; message: string }) =>
      process.send?.({
        n: order.n,
        error: { name: error.name, code: error.code, message: error.message },
      } satisfies Answer),
  );
});
process.send?.({ n: 0 });
