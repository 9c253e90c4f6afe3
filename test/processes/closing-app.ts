import 'reflect-metadata';
import { Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Actor,
  type ActorRepository,
  Command,
  EventHandler,
  EventSourcingModule,
  getActorToken,
  LeaderElection,
  ListenTo,
  LiveActor,
  Projection,
} from 'omniscient-nest';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { say } from './say.js';

/** An application in which something never ends, and that is closed all the same. */
export interface ClosingJob {
  readonly file: string;
  readonly never:
    | 'task'
    | 'failing task'
    | 'projection'
    | 'checkpoint'
    | 'command'
    | 'listener'
    | 'onPassivate'
    | 'nothing';
  /** How it is closed: by `app.close()`, or by a signal to the process. */
  readonly by: 'close' | 'signal';
}

const job = JSON.parse(process.argv[2] ?? '') as ClosingJob;
const { file, never, by } = job;
const hangs = (what: ClosingJob['never']): Promise<void> | undefined => {
  if (what !== never) return undefined;
  begun();
  return new Promise(() => {});
};
/** What never ends has begun. */
let begun = () => {};
const isBegun = new Promise<void>((resolve) => {
  begun = resolve;
});

@Actor()
class Till extends LiveActor<{ n: number }, { rang: { n: number }; heard: object }> {
  initialState() {
    return { n: 0 };
  }
  @Command() async notify(n: number) {
    this.fire('rang', { n });
    await this.commit();
    await hangs('command');
  }
  override onPassivate() {
    return hangs('onPassivate');
  }
  @EventHandler() rang({ n }: { n: number }) {
    this.state.n += n;
  }
  @EventHandler() heard() {}
}

@Actor()
class Listener extends LiveActor<object, object> {
  initialState() {
    return {};
  }
  @ListenTo({ events: ['rang'], to: () => 'one' }) async onRang() {
    await hangs('listener');
  }
}

@Injectable()
@Projection()
class Model {
  async loadCheckpoint() {
    if (never !== 'checkpoint') return 0;
    begun();
    throw new Error('the database of the read model is down');
  }
  @EventHandler('rang') async on() {
    await hangs('projection');
  }
}

@Injectable()
class Flush implements OnApplicationShutdown {
  onApplicationShutdown() {
    say('flushed');
  }
}

@Module({
  imports: [
    EventSourcingModule.forRoot({
      engine: new SqliteEngine({ file }),
      shutdownTimeoutMs: 300,
      heartbeatTimeoutMs: 500,
    }),
    EventSourcingModule.forFeature([Till, Listener]),
  ],
  providers: [Model, Flush],
})
class App {}

const app = await NestFactory.createApplicationContext(App, { logger: ['error'] });
if (by === 'signal') app.enableShutdownHooks();
const elections = app.get(LeaderElection, { strict: false });
if (never === 'task') elections.whenLeader('mailer', () => hangs('task'));
if (never === 'failing task')
  elections.whenLeader('mailer', () => {
    begun();
    throw new Error('no mail server');
  });
const till = await app.get<ActorRepository<Till>>(getActorToken(Till), { strict: false }).get('till');
const rang = till.notify(1).catch(() => {});
if (never !== 'command') await rang;
if (never === 'onPassivate' || never === 'nothing') begun();
await isBegun;
process.once('exit', (code) => say(`exit ${code}`));
if (by === 'signal') {
  // A server would keep it alive until then.
  const timer = setInterval(() => {}, 1_000);
  process.once('SIGTERM', () => clearInterval(timer));
  process.kill(process.pid, 'SIGTERM');
} else {
  await app.close();
  say('closed');
}
