import { join } from 'node:path';
import {
  Actor,
  ActorRepository,
  Command,
  EventHandler,
  EventSubscriptions,
  getActorToken,
  type StoredEvent,
  TickActor,
} from 'omniscient-nest';
import { inTemporaryFolder, newEngine, startApplication } from './application.js';
import { percentile, report, say } from './figures.js';
import type { BenchOptions } from './options.js';

const EVERY_MS = 1_000;
const MEASURED_MS = 15_000;

@Actor()
export class Metronome extends TickActor<{ ticks: number }, Record<never, never>> {
  initialState() {
    return { ticks: 0 };
  }

  @Command() begin(): void {
    this.startTicking({ everyMs: EVERY_MS });
  }

  @EventHandler() tick(): void {
    this.state.ticks += 1;
  }
}

/** Many actors that tick once a second on one node: how late each tick is by the events' own times. The floor is that none is late. */
export function ticks({ n = 10_000, engine }: BenchOptions): Promise<void> {
  return inTemporaryFolder(async (folder) => {
    const options = { engine: newEngine(engine, join(folder, 'ours.db')), residentMax: n + 1 };
    const app = await startApplication([Metronome], options);
    const metronomes = app.get<ActorRepository<Metronome>>(getActorToken(Metronome));
    for (let i = 0; i < n; i += 500) {
      const some = Array.from({ length: Math.min(500, n - i) }, (_, k) => metronomes.get(`m-${i + k}`));
      await Promise.all(some.map(async (ref) => (await ref).begin()));
    }
    await new Promise((resolve) => setTimeout(resolve, 2 * EVERY_MS));
    const lateMs = await measured(app.get(EventSubscriptions));
    const p99Ms = percentile(lateMs, 0.99);
    say(
      `${lateMs.length} ticks of ${n} actors in ${MEASURED_MS} ms: p50 ${percentile(lateMs, 0.5)} ms late, p99 ${p99Ms} ms`,
    );
    const perSecond = Math.round((lateMs.length / MEASURED_MS) * 1_000);
    const figures = { p50Ms: percentile(lateMs, 0.5), p99Ms, maxMs: percentile(lateMs, 1) };
    const floorPerSecond = (n / EVERY_MS) * 1_000;
    report({
      bench: 'ticks',
      n,
      perSecond,
      floorPerSecond,
      ratio: Math.round((perSecond / floorPerSecond) * 1_000) / 1_000,
      engine,
      ...figures,
    });
    await app.close();
  });
}

/** By how much each tick came later than a second after the one before it. */
async function measured(subscriptions: EventSubscriptions): Promise<number[]> {
  const lastAtMs = new Map<string, number>();
  const lateMs: number[] = [];
  const fromMs = Date.now();
  const watching = subscriptions.named$(['tick']).subscribe(({ streamId, metadata }: StoredEvent) => {
    const atMs = Date.parse(metadata.at);
    const last = lastAtMs.get(streamId);
    lastAtMs.set(streamId, atMs);
    if (last !== undefined && atMs > fromMs && atMs <= fromMs + MEASURED_MS) lateMs.push(atMs - last - EVERY_MS);
  });
  await new Promise((resolve) => setTimeout(resolve, MEASURED_MS + EVERY_MS));
  watching.unsubscribe();
  return lateMs;
}
