import 'reflect-metadata';
import { ActorRepository, getActorToken } from 'omniscient-nest';
import { SqliteEngine } from 'omniscient-nest/sqlite';
import { Meter, NOTE, startApplication } from './application.js';
import { openBare, writeBare } from './bare-sqlite.js';
import type { LiveJob } from './live.js';

const job = JSON.parse(process.argv[2] ?? '') as LiveJob;
const nowMs = () => performance.timeOrigin + performance.now();
const tell = (message: object) => process.send?.(message);

if (job.bare) runBare();
else await runOurs();
tell({ ready: true });

async function runOurs(): Promise<void> {
  const app = await startApplication([Meter], { engine: new SqliteEngine({ file: job.file }) });
  const meters = app.get<ActorRepository<Meter>>(getActorToken(Meter));
  const meter = await meters.get('meter-1');
  if (job.role === 'watcher') meters.state$('meter-1').subscribe(({ count }) => tell({ count, seenMs: nowMs() }));
  process.on('message', async ({ count }: { count: number }) => {
    const startedMs = nowMs();
    await meter.count(NOTE);
    tell({ count, startedMs });
  });
}

function runBare(): void {
  const db = openBare(job.file);
  if (job.role === 'watcher') {
    const last = db.prepare('SELECT coalesce(max(version), 0) FROM events').pluck();
    let seen = 0;
    setInterval(() => {
      const count = last.get() as number;
      if (count === seen) return;
      seen = count;
      tell({ count, seenMs: nowMs() });
    }, 1);
  }
  process.on('message', ({ count }: { count: number }) => {
    const startedMs = nowMs();
    writeBare(db, 1, 1, 1, NOTE);
    tell({ count, startedMs });
  });
}
