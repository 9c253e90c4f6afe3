import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Actor,
  ActorRepository,
  Command,
  EngineError,
  EventHandler,
  EventSourcingModule,
  EventSubscriptions,
  getActorToken,
  LeaderElection,
  ListenTo,
  OneActor,
  ParkedEvents,
  Projection,
  Projections,
  TickActor,
} from 'omniscient-nest';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { filter, firstValueFrom } from 'rxjs';
import { say } from './say.js';

/** A process in which nothing else happens than that something is awaited; or one that leads, and makes it happen. */
export interface AwaitingJob {
  readonly file: string;
  readonly what:
    | 'lead'
    | 'command'
    | 'loading'
    | 'retried append'
    | 'silent append'
    | 'stream$'
    | 'named$'
    | 'state$'
    | 'iterator'
    | 'leader$'
    | 'progress$'
    | 'retry'
    | 'nothing';
}

const { file, what } = JSON.parse(process.argv[2] ?? '') as AwaitingJob;

@Actor({ prefix: 'desk-' })
class Desk extends OneActor<{ sold: number }, { sold: { n: number } }> {
  initialState() {
    return { sold: 0 };
  }

  @Command() sell(n: number): number {
    this.fire('sold', { n });
    return this.state.sold;
  }

  /** The leader takes its time over it, alive or not. */
  @Command() async sellSlowly(n: number): Promise<number> {
    if (what === 'lead') await sleep(SLOW_MS);
    return this.sell(n);
  }

  /** Fails until somebody retries it, and takes its time then. */
  @ListenTo({ events: ['bell_rang'], to: () => 'one' }) async onBell() {
    if (isRinging) throw new Error('not now');
    if (what === 'lead') await sleep(SLOW_MS);
  }

  @EventHandler() sold({ n }: { n: number }) {
    this.state.sold += n;
  }
}

/** Long enough for a process that nothing keeps alive to end. */
const SLOW_MS = 700;
let isRinging = true;

@Actor({ prefix: 'bell-' })
class CommitSignal extends TickActor<{ rung: number }, { bell_rang: object }> {
  initialState() {
    return { rung: 0 };
  }

  @Command() notify(): number {
    this.fire('bell_rang');
    return this.state.rung;
  }

  @Command() begin() {
    this.startTicking({ everyMs: 1_000 });
    this.listenTo({ event: 'nothing' }, () => {}, { name: 'nothing' });
  }

  @EventHandler() bell_rang() {
    this.state.rung += 1;
  }
}

@Injectable()
@Projection()
class Model {
  @EventHandler('bell_rang') on() {}
}

/** Away for a while, or for ever. */
class AwayEngine extends SqliteEngine {
  #refusals = what === 'retried append' || what === 'loading' ? 3 : 0;

  override async append(request: Parameters<SqliteEngine['append']>[0]) {
    if (what === 'silent append') return new Promise<never>(() => {});
    if (what === 'retried append') this.#refuse();
    return super.append(request);
  }

  override async readStream(...args: Parameters<SqliteEngine['readStream']>) {
    if (what === 'loading') this.#refuse();
    return super.readStream(...args);
  }

  #refuse(): void {
    this.#refusals -= 1;
    if (this.#refusals >= 0) throw new EngineError('ENGINE_UNAVAILABLE', 'away', { retryable: true });
  }
}

@Module({
  imports: [
    EventSourcingModule.forRoot({
      engine: new AwayEngine({ file }),
      commitTimeoutMs: what === 'silent append' ? SLOW_MS : 10_000,
      heartbeatTimeoutMs: 500,
      reactionTriesMax: 1,
    }),
    EventSourcingModule.forFeature([Desk, CommitSignal]),
  ],
  providers: [Model],
})
class App {}

const app = await NestFactory.createApplicationContext(App, { logger: false });
const desks = app.get<ActorRepository<Desk>>(getActorToken(Desk), { strict: false });
const bells = app.get<ActorRepository<CommitSignal>>(getActorToken(CommitSignal), { strict: false });
const subscriptions = app.get(EventSubscriptions, { strict: false });
process.once('exit', (code) => say(`exit ${code}`));

const tasks: Record<AwaitingJob['what'], () => Promise<unknown>> = {
  lead: async () => {
    const desk = await desks.get('one');
    await desk.sell(1);
    const bell = await bells.get('one');
    const parked = app.get(ParkedEvents, { strict: false });
    await bell.notify();
    while ((await parked.count()) === 0) await sleep(20);
    isRinging = false;
    say('ready');
    // Whoever began it says when it is to ring again, and that it may go.
    for await (const line of process.stdin.setEncoding('utf8')) if (String(line).includes('ring')) await bell.notify();
    await app.close();
    return 'led';
  },
  command: async () => (await desks.get('one')).sellSlowly(1),
  loading: async () => (await bells.get('one')).version,
  'retried append': async () => (await bells.get('two')).notify(),
  'silent append': async () => (await bells.get('two')).notify().catch((error: { code: string }) => error.code),
  stream$: async () => (await firstValueFrom(subscriptions.stream$('bell-one', { after: 1 }))).version,
  named$: async () => (await firstValueFrom(subscriptions.named$(['bell_rang']).pipe(filter(isSecond)))).version,
  state$: async () => (await firstValueFrom(bells.state$('one').pipe(filter(({ rung }) => rung > 1)))).rung,
  iterator: async () => {
    for await (const { version } of subscriptions.stream$('bell-one', { after: 1 })) return version;
    return undefined;
  },
  leader$: async () => {
    const election = app.get(LeaderElection, { strict: false });
    return typeof (await firstValueFrom(election.leader$('$projection-Model').pipe(filter((id) => id !== undefined))));
  },
  progress$: async () => {
    const projections = app.get(Projections, { strict: false });
    const { position } = await firstValueFrom(projections.progress$(Model).pipe(filter((each) => each.position > 0)));
    return position > 0;
  },
  retry: async () => {
    const parked = app.get(ParkedEvents, { strict: false });
    const [event] = await parked.list();
    return (await parked.retry(event?.id ?? '')) ?? 'retried';
  },
  /** All that there may be in a process which nobody awaits. */
  nothing: async () => {
    app.get(LeaderElection, { strict: false }).whenLeader('nothing', () => {});
    await (await bells.get('three')).begin();
    return 'nothing';
  },
};

function isSecond({ version }: { version: number }): boolean {
  return version === 2;
}

say('waiting');
say(`awaited ${await tasks[what]()}`);
// It ends when nobody awaits anything any more; it is not closed.
