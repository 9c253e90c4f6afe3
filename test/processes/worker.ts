import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import {
  type ActorRef,
  ActorRepository,
  ConflictError,
  EventSourcingModule,
  EventSubscriptions,
  getActorToken,
} from 'omniscient-nest';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { skip } from 'rxjs';
import { Account, Auditor } from './account.js';
import { say } from './say.js';

/** What a worker does: `count` commands by `callers` at once, on the account of that id. */
export interface Job {
  file: string;
  id: string;
  task:
    | 'payIn'
    | 'payInDecided'
    | 'payOut'
    | 'payInAlone'
    | 'transfers'
    | 'untilShutdown'
    | 'look'
    | 'serve'
    | 'watch'
    | 'idle';
  callers: number;
  count: number;
}

/** What it reports when it is done. */
export interface Report {
  done: number;
  conflicts: number;
  runs: number;
  balance: number;
  entries: number;
  version: number;
}

const job = JSON.parse(process.argv[2] ?? '') as Job;

const root = EventSourcingModule.forRoot({
  engine: new SqliteEngine({ file: job.file }),
  nodeId: `worker-${process.pid}`,
});
class WorkerModule {}
const app = await NestFactory.createApplicationContext(
  { module: WorkerModule, imports: [root, EventSourcingModule.forFeature([Account, Auditor])] },
  { logger: ['error', 'warn'], abortOnError: false },
);
app.enableShutdownHooks();
const accounts = app.get<ActorRepository<Account>>(getActorToken(Account));
const auditors = app.get<ActorRepository<Auditor>>(getActorToken(Auditor));
const account = await accounts.get(job.id);

let done = 0;
let conflicts = 0;
let stopped = false;

const tasks: Record<Job['task'], (i: number) => Promise<unknown>> = {
  payIn: () => account.payIn(1),
  payInDecided: () => account.payInDecided(1),
  payOut: async () => ((await account.payOut(1)) ? undefined : (done -= 1)),
  payInAlone: () => rejectedOrNot(account),
  // Whoever reads this is told as soon as the commit is acknowledged, whatever happens to this process next.
  transfers: async (i) => {
    const token = `${process.pid}-${i}`;
    await account.transfer(token);
    say(`${token}`);
  },
  // Says of every call how it ended; the last ones are refused.
  untilShutdown: async (i) => {
    const token = `${process.pid}-${i}`;
    const ended = await account.transfer(token).then(
      () => 'stored',
      (error: { code?: string }) => error.code ?? String(error),
    );
    say(`${ended} ${token}`);
    if (ended === 'SHUTTING_DOWN') stopped = true;
  },
  look: async () => (await auditors.get(job.id)).look(),
  serve: async () => {},
  watch: async () => {},
  idle: async () => {},
};

async function rejectedOrNot(ref: ActorRef<Account>): Promise<void> {
  try {
    await ref.payInAlone(1);
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    conflicts += 1;
    done -= 1;
  }
}

async function work(): Promise<void> {
  let next = 0;
  const caller = async () => {
    while (next < job.count && !stopped) {
      const i = next++;
      await tasks[job.task](i);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: job.callers }, caller));
}

/** Pays in on request, and says when it was acknowledged. */
function serve(): void {
  process.on('message', async ({ amount }: { amount: number }) => {
    const atMs = Date.now();
    const startedMs = performance.timeOrigin + performance.now();
    await account.payIn(amount);
    process.send?.({ amount, startedMs, storedMs: performance.timeOrigin + performance.now(), atMs });
  });
}

/** Reports when it saw a change: in its state and in its stream. */
function watch(): void {
  // Listening keeps the process alive until it is told to end.
  process.on('message', () => {});
  const nowMs = () => performance.timeOrigin + performance.now();
  accounts
    .state$(job.id)
    .pipe(skip(1))
    .subscribe(({ balance }) => process.send?.({ seen: 'state', balance, seenMs: nowMs() }));
  app
    .get(EventSubscriptions)
    .stream$(job.id)
    .subscribe(({ version }) => process.send?.({ seen: 'stream', version, seenMs: nowMs() }));
}

/** Keeps many actors and does nothing; says what that costs. */
async function idle(): Promise<void> {
  for (let i = 0; i < job.count; i += 1) await accounts.get(`${job.id}-${i}`);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const before = process.cpuUsage();
  const fromMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  const { user, system } = process.cpuUsage(before);
  process.send?.({ cpuShare: (user + system) / 1_000 / (performance.now() - fromMs) });
}

process.send?.({ ready: true });
if (job.task === 'serve') serve();
else if (job.task === 'watch') watch();
else if (job.task === 'idle') await idle();
else {
  await work();
  const { balance, entries } = account.state;
  const report: Report = { done, conflicts, runs: Auditor.runs, balance, entries, version: account.version };
  process.send?.({ report });
  await app.close();
  process.disconnect?.();
}
