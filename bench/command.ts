import { join } from 'node:path';
import { ActorRepository, getActorToken } from 'omniscient-nest';
import { call, inTemporaryFolder, Meter, NOTE, newEngine, startApplication } from './application.js';
import { openBare, writeBare } from './bare-sqlite.js';
import { compare, report, timed } from './figures.js';
import type { BenchOptions } from './options.js';

const CALLERS = 64;
const ROUNDS = 5;
const PAYLOAD = JSON.stringify({ by: 1, note: NOTE });

/** 64 callers over 1,000 resident actors, one event each, durable; against group commits of 64 rows. */
export function command(options: BenchOptions): Promise<void> {
  return commands('command', 1_000, options);
}

/** 64 callers on one actor. */
export function hot(options: BenchOptions): Promise<void> {
  return commands('hot', 1, options);
}

function commands(bench: string, actors: number, { n = 60_000, engine }: BenchOptions): Promise<void> {
  return inTemporaryFolder(async (folder) => {
    const app = await startApplication([Meter], { engine: newEngine(engine, join(folder, 'ours.db')) });
    const meters = app.get<ActorRepository<Meter>>(getActorToken(Meter));
    const refs = await Promise.all(Array.from({ length: actors }, (_, i) => meters.get(`meter-${i + 1}`)));
    const bare = openBare(join(folder, 'bare.db'));
    const perRound = Math.ceil(n / ROUNDS);
    const ours = () => timed(() => call(CALLERS, perRound, (i) => refs[i % actors]?.count(NOTE)));
    const floor = () => timed(() => writeBare(bare, perRound, CALLERS, actors, PAYLOAD));
    await ours();
    await floor();
    const speeds = await compare(ROUNDS, perRound, floor, ours);
    report({ bench, n, ...speeds, engine, callers: CALLERS, actors });
    bare.close();
    await app.close();
  });
}
