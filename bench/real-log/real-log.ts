import { join } from 'node:path';
import type { INestApplicationContext } from '@nestjs/common';
import { type ActorRef, ActorRepository, getActorToken } from 'omniscient-nest';
import { inTemporaryFolder, newEngine, startApplication } from '../application.js';
import { openBare, writeBare } from '../bare-sqlite.js';
import { perSecond, ratioOf, report, say, timed } from '../figures.js';
import type { BenchOptions } from '../options.js';
import { assertTotals, type Expected, type Found, summaryOf } from './checks.js';
import { LoanApplication } from './loan-application.js';
import { type LogEntry, readLog } from './log-file.js';
import { ProgressBar } from './progress-bar.js';

/** Commands on their way at once, over all applications. */
const IN_FLIGHT_MAX = 512;
/** What the whole log holds; only for the progress bar of the first pass. */
const EVENTS_OF_WHOLE_LOG = 262_200;

/**
 * Plays a real event log through `LoanApplication` actors, a command an event: in order within an application, applications overlapping. Checks what
 * came out, and again after a cold restart, when everything is loaded from the events.
 */
export async function realLog({ file, engine, n }: BenchOptions): Promise<void> {
  if (!file) throw new Error('usage: npm run bench -- real-log FILE.jsonl[.gz]');
  await inTemporaryFolder(async (folder) => {
    const database = join(folder, 'loans.db');
    const shared = newEngine(engine, database);
    const app = await startApplication([LoanApplication], { engine: shared });
    const expected: Expected = { events: 0, activities: new Map(), statuses: new Map() };
    const playMs = await timed(() => play(app, file, n ?? Number.POSITIVE_INFINITY, expected));
    await check('played', app, expected);
    const floorMs = await timed(() => writeFloor(join(folder, 'bare.db'), expected));
    const speed = perSecond(expected.events, playMs);
    const floorSpeed = perSecond(expected.events, floorMs);
    report({
      bench: 'real-log',
      n: expected.events,
      perSecond: speed,
      floorPerSecond: floorSpeed,
      ratio: ratioOf(speed, floorSpeed),
      engine,
      applications: expected.statuses.size,
    });
    await app.close();
    if (engine === 'sqlite') await restart(database, expected);
  });
}

/** A new application on the same file: every actor is folded from its events again. */
async function restart(database: string, expected: Expected): Promise<void> {
  const app = await startApplication([LoanApplication], { engine: newEngine('sqlite', database) });
  const ms = await timed(() => check('restarted cold', app, expected));
  const speed = perSecond(expected.events, ms);
  report({
    bench: 'real-log-restart',
    n: expected.events,
    perSecond: speed,
    floorPerSecond: 0,
    ratio: 0,
    engine: 'sqlite',
    applications: expected.statuses.size,
  });
  await app.close();
}

async function play(app: INestApplicationContext, file: string, entriesMax: number, expected: Expected): Promise<void> {
  const loans = app.get<ActorRepository<LoanApplication>>(getActorToken(LoanApplication));
  const refs = new Map<string, Promise<ActorRef<LoanApplication>>>();
  const bar = new ProgressBar('playing', Math.min(EVENTS_OF_WHOLE_LOG, entriesMax));
  const flight = new Flight(IN_FLIGHT_MAX);
  try {
    for await (const entry of readLog(file)) {
      if (expected.events >= entriesMax) break;
      const { case: id, line, ...step } = entry;
      let ref = refs.get(id);
      if (!ref) refs.set(id, (ref = loans.get(id)));
      await flight.add(ref.then((loan) => loan.record(step)));
      note(expected, entry);
      bar.update(expected.events);
    }
  } finally {
    // Also when a line was wrong: what came before it is stored.
    await flight.landed();
    bar.end(expected.events);
  }
}

/** Works out from the log alone what the actors must come to. */
function note(expected: Expected, { case: id, activity }: LogEntry): void {
  expected.events += 1;
  expected.activities.set(activity, (expected.activities.get(activity) ?? 0) + 1);
  const ended = { A_APPROVED: 'approved', A_DECLINED: 'declined', A_CANCELLED: 'cancelled' }[activity];
  expected.statuses.set(id, ended ?? expected.statuses.get(id) ?? 'open');
}

async function check(when: string, app: INestApplicationContext, expected: Expected): Promise<void> {
  const loans = app.get<ActorRepository<LoanApplication>>(getActorToken(LoanApplication));
  const found: Found = { events: 0, activities: new Map(), statuses: new Map() };
  const bar = new ProgressBar(`${when}: checking`, expected.statuses.size);
  for (const id of expected.statuses.keys()) {
    const loan = await loans.get(id);
    found.events += loan.version;
    found.statuses.set(id, loan.state.status);
    for (const [activity, count] of Object.entries(loan.state.activities)) {
      found.activities.set(activity, (found.activities.get(activity) ?? 0) + count);
    }
    bar.update(found.statuses.size);
  }
  bar.end(found.statuses.size);
  assertTotals(when, found, expected);
  say(summaryOf(when, found));
}

function writeFloor(file: string, expected: Expected): void {
  const bare = openBare(file);
  writeBare(
    bare,
    expected.events,
    IN_FLIGHT_MAX,
    expected.statuses.size,
    JSON.stringify({
      activity: 'W_Completeren aanvraag',
      at: '2011-10-01T00:38:44.546+02:00',
      lifecycle: 'COMPLETE',
      resource: '112',
    }),
  );
  bare.close();
}

/** Counts work under way: no more than so much at once. The first failure is kept and thrown. */
class Flight {
  #under = 0;
  #failure: unknown;
  #changed: (() => void) | undefined;

  constructor(private readonly max: number) {}

  async add(work: Promise<unknown>): Promise<void> {
    this.#under += 1;
    work.then(
      () => this.#land(),
      (error: unknown) => {
        this.#failure ??= error;
        this.#land();
      },
    );
    await this.#until(() => this.#under < this.max);
  }

  landed(): Promise<void> {
    return this.#until(() => this.#under === 0);
  }

  #land(): void {
    this.#under -= 1;
    this.#changed?.();
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => (this.#changed = resolve));
    if (this.#failure) throw this.#failure;
  }
}
