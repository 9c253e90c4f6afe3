import { join } from 'node:path';
import { ActorRepository, getActorToken } from 'omniscient-nest';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { inTemporaryFolder, Meter, NOTE, startApplication } from './application.js';
import { openBare, readBare } from './bare-sqlite.js';
import { compare, report, timed } from './figures.js';
import type { BenchOptions } from './options.js';

const ROUNDS = 7;

/** A cold load of one long stream, no snapshot; against reading and parsing the same rows of the same file. */
export function rehydrate({ n = 100_000 }: BenchOptions): Promise<void> {
  return inTemporaryFolder(async (folder) => {
    const file = join(folder, 'ours.db');
    const app = await startApplication([Meter], {
      engine: new SqliteEngine({ file }),
      snapshotEvery: 0,
      mailboxSizeMax: n + 1,
      commitTimeoutMs: 600_000,
    });
    const meters = app.get<ActorRepository<Meter>>(getActorToken(Meter));
    const meter = await meters.get('one');
    await Promise.all(Array.from({ length: n }, () => meter.count(NOTE)));
    meter.release();
    const bare = openBare(file);
    const floor = () => timed(() => check(readBare(bare, 'one'), n));
    const ours = () =>
      timed(async () => {
        const loaded = await meters.get('one');
        check(loaded.state.count, n);
        loaded.release();
      });
    await floor();
    await ours();
    const speeds = await compare(ROUNDS, n, floor, ours);
    report({ bench: 'rehydrate', n, ...speeds, engine: 'sqlite' });
    bare.close();
    await app.close();
  });
}

function check(count: number, n: number): void {
  if (count !== n) throw new Error(`counted ${count} instead of ${n}`);
}
