import { join } from 'node:path';
import {
  Actor,
  ActorRepository,
  Command,
  EventHandler,
  getActorToken,
  type Heard,
  ListenTo,
  LiveActor,
} from 'omniscient-nest';
import type { Engine } from 'omniscient-nest/engine';
import { call, countCalls, inTemporaryFolder, Meter, NOTE, newEngine, startApplication } from './application.js';
import { openBare, writeBare } from './bare-sqlite.js';
import { compare, ratioOf, report, say, timed } from './figures.js';
import type { BenchOptions } from './options.js';

const CALLERS = 64;
const ROUNDS = 3;
const PAYLOAD = JSON.stringify({ by: 1, note: NOTE });
/** How many pairs of a `Meter` that fires and an actor that reacts. */
const PAIRS = [1, 100];

interface Counted {
  counted: { by: number; note: string };
}
interface Echoed {
  tuned: { source: string };
  echoed: { by: number; note: string };
}

/** Its state names the stream it listens to. */
@Actor({ prefix: 'echo-' })
export class Echo extends LiveActor<{ source?: string; echoes: number }, Echoed> {
  initialState(): { source?: string; echoes: number } {
    return { echoes: 0 };
  }

  @Command() tune(source: string): void {
    this.fire('tuned', { source });
  }

  @ListenTo((state: { source?: string }) => state.source, { events: ['counted'] })
  onCounted({ data }: Heard<Counted>): void {
    this.fire('echoed', data);
  }

  @EventHandler() tuned({ source }: Echoed['tuned']) {
    this.state.source = source;
  }

  @EventHandler() echoed({ by }: Echoed['echoed']) {
    this.state.echoes += by;
  }
}

/** Is called by the event, wherever it was fired. */
@Actor({ prefix: 'callee-' })
export class Callee extends LiveActor<{ echoes: number }, Pick<Echoed, 'echoed'>> {
  initialState() {
    return { echoes: 0 };
  }

  @ListenTo<Counted>({ events: ['counted'], to: ({ streamId }) => streamId })
  onCounted({ data }: Heard<Counted>): void {
    this.fire('echoed', data);
  }

  @EventHandler() echoed({ by }: Echoed['echoed']) {
    this.state.echoes += by;
  }
}

/** What the reactions run on, and what they are measured against. */
export interface ReactBed {
  newEngine(name: string): Engine;
  /** Stores so many events of as many streams bare, as many in one commit as ours could be. */
  write(events: number, streams: number): unknown;
}

/** One actor fires, another one listens and fires; against bare group commits of as many events, those heard and those fired on hearing them. */
export function react(options: BenchOptions): Promise<void> {
  return inTemporaryFolder(async (folder) => {
    const bare = openBare(join(folder, 'bare.db'));
    await reactions(options, {
      newEngine: (name) => newEngine(options.engine, join(folder, `${name}.db`)),
      write: (events, streams) => writeBare(bare, events, 2 * CALLERS, streams, PAYLOAD),
    });
    bare.close();
  });
}

/** Both ways to listen, by one pair of actors and by many. */
export async function reactions(options: BenchOptions, bed: ReactBed): Promise<void> {
  for (const pairs of PAIRS) {
    await reactionsOf('react', Echo, pairs, options, bed);
    await reactionsOf('react-called', Callee, pairs, options, bed);
  }
}

async function reactionsOf(
  bench: string,
  listener: typeof Echo | typeof Callee,
  pairs: number,
  { n = 20_000, engine }: BenchOptions,
  bed: ReactBed,
): Promise<void> {
  const store = bed.newEngine(`${bench}-${pairs}`);
  const counts = countCalls(store, ['append', 'readStream', 'readAll']);
  const app = await startApplication([Meter, listener], { engine: store });
  const meters = await refsOf(app.get<ActorRepository<Meter>>(getActorToken(Meter)), pairs);
  const echoes = await refsOf(app.get<ActorRepository<Echo | Callee>>(getActorToken(listener)), pairs);
  if (listener === Echo) await tuneIn(app.get<ActorRepository<Echo>>(getActorToken(Echo)), pairs);
  const perRound = Math.ceil(n / ROUNDS);
  let expected = 0;
  const floor = () => timed(() => bed.write(2 * perRound, 2 * pairs));
  const ours = () => {
    expected += perRound;
    return timed(async () => {
      await call(CALLERS, perRound, (i) => meters[i % pairs]?.count(NOTE));
      await until(() => echoes.reduce((sum, echo) => sum + echo.confirmed.state.echoes, 0) === expected);
    });
  };
  await floor();
  await ours();
  const before = { ...counts };
  say(`${bench}, ${pairs} of each:`);
  const speeds = await compare(ROUNDS, perRound, floor, ours);
  const each = (of: keyof typeof counts) => ratioOf(counts[of] - before[of], ROUNDS * perRound);
  report({
    bench,
    n,
    ...speeds,
    engine,
    pairs,
    appendsEach: each('append'),
    readsEach: each('readStream') + each('readAll'),
    ...(await bytesEach(store, pairs, listener === Echo ? 'echo-' : 'callee-')),
  });
  await app.close();
}

/** What a reaction stores: of all its events, and without what the listener itself says (payload and name). */
async function bytesEach(store: Engine, pairs: number, prefix: string): Promise<{ [figure: string]: number }> {
  let [stored, said, reactions] = [0, 0, 0];
  for (let i = 1; i <= pairs; i += 1) {
    for await (const { id, name, data, metadata } of eventsOf(store, `${prefix}meter-${i}`)) {
      stored += Buffer.byteLength(id + name + data + metadata);
      if (name !== 'echoed') continue;
      said += Buffer.byteLength(name + data);
      reactions += 1;
    }
  }
  return { bytesEach: Math.round(stored / reactions), bytesBesideEach: Math.round((stored - said) / reactions) };
}

async function* eventsOf(store: Engine, streamId: string) {
  for (let after = 0; ; ) {
    const page = await store.readStream(streamId, after, 1_000);
    yield* page;
    const last = page.at(-1);
    if (!last) return;
    after = last.version;
  }
}

async function tuneIn(repository: ActorRepository<Echo>, count: number): Promise<void> {
  for (const echo of await refsOf(repository, count)) await echo.tune(echo.id);
}

function refsOf<A extends Meter | Echo | Callee>(repository: ActorRepository<A>, count: number) {
  return Promise.all(Array.from({ length: count }, (_, i) => repository.get(`meter-${i + 1}`)));
}

/** Looks every millisecond. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1));
}
