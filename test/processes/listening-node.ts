import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { type ActorRepository, EventSourcingModule, getActorToken, Projections } from 'omniscient-nest';
import { RethinkDbEngine } from 'omniscient-nest/rethinkdb';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import type { Answer, Store } from './cluster-node.js';
import { Ledger } from './ledger.js';
import { LiveCalled, LiveListener, OneCalled, OneListener, PlainCalled, PlainListener } from './listening-actors.js';

/** What a node that listens is told when it starts. */
export interface ListeningJob {
  readonly store: Store;
  readonly nodeId: string;
  /** The read model's own database. */
  readonly ledger: string;
  readonly heartbeatTimeoutMs: number;
  /** So short that listeners are let go and woken all the time. */
  readonly passivateAfterMs: number;
}

/** What the test tells a node to do; every order is answered with its number. */
export type ListeningOrder = { readonly n: number } & (
  | { readonly do: 'follow' | 'unfollow'; readonly kind: Kind; readonly source: string }
  | { readonly do: 'rebuild' }
);

export type Kind = 'live' | 'plain' | 'one';

/** Id of the actors that are kept resident. */
export const RESIDENT = 'resident';

const { store, nodeId, ledger, ...limits } = JSON.parse(process.argv[2] ?? '') as ListeningJob;

const engine =
  store.kind === 'sqlite'
    ? new SqliteEngine({ file: store.file })
    : new RethinkDbEngine({ ...store, queryTimeoutMs: 3_000, warn: () => {} });
class NodeModule {}
const classes = { live: LiveListener, plain: PlainListener, one: OneListener } as const;
const imports = [
  EventSourcingModule.forRoot({ engine, nodeId, ...limits }),
  EventSourcingModule.forFeature([...Object.values(classes), LiveCalled, PlainCalled, OneCalled]),
];
const providers = [{ provide: Ledger, useFactory: () => new Ledger(ledger) }];
const app = await NestFactory.createApplicationContext(
  { module: NodeModule, imports, providers },
  { logger: process.env.LOG ? ['error', 'warn'] : false },
);
app.enableShutdownHooks();

const repositories = {
  live: app.get<ActorRepository<LiveListener>>(getActorToken(LiveListener)),
  plain: app.get<ActorRepository<PlainListener>>(getActorToken(PlainListener)),
  one: app.get<ActorRepository<OneListener>>(getActorToken(OneListener)),
};

async function obey(order: ListeningOrder): Promise<unknown> {
  if (order.do === 'rebuild') return app.get(Projections).rebuild(Ledger);
  return (await repositories[order.kind].get(RESIDENT))[order.do](order.source);
}

process.on('message', (order: ListeningOrder) => {
  obey(order).then(
    (value) => process.send?.({ n: order.n, value } satisfies Answer),
    ({ name, code, message }: { name: string; code?: unknown; message: string }) =>
      process.send?.({ n: order.n, error: { name, code, message } } satisfies Answer),
  );
});
// Loaded once, they hear as long as this process is there.
await Promise.all(Object.values(repositories).map((repository) => repository.get(RESIDENT)));
process.send?.({ n: 0 });
