import type { RethinkDbProcess } from '../../test/support/rethinkdb-server.js';
import { call, NOTE } from '../application.js';
import { deliveries } from '../fanout.js';
import type { BenchOptions } from '../options.js';
import { reactions } from '../react.js';
import { catchUp } from '../tail.js';
import { BareRethinkDb } from './bare-rethinkdb.js';
import { newRethinkDbEngine } from './server.js';

const PAYLOAD = JSON.stringify({ by: 1, note: NOTE });
/** As many commits go in one insert as ours could: 64 that are heard, and as many on hearing them. */
const TOGETHER = 128;
/** Events of one commit, in the store that is read whole. */
const COMMIT_EVENTS = 100;

/** One actor fires, another one listens and fires; against inserts of all that wait at the same time. */
export async function reactOn(server: RethinkDbProcess, { n = 6_000, ...options }: BenchOptions): Promise<void> {
  const bare = await BareRethinkDb.open(server);
  const commit = committing(bare);
  await reactions(
    { n, ...options },
    {
      newEngine: (name) => newRethinkDbEngine(server, name.replaceAll('-', '_')),
      write: (events, streams) => call(TOGETHER, events, (i) => commit(`meter-${i % streams}`)),
    },
  );
  await bare.close();
}

/** A new subscriber to everything catches up; against reading the same documents in the order of their keys, and parsing them. */
export async function tailOn(server: RethinkDbProcess, { n = 100_000, engine }: BenchOptions): Promise<void> {
  const bare = await BareRethinkDb.open(server);
  for (let i = 0; i < n; i += COMMIT_EVENTS)
    await bare.commit(`meter-${i}`, 1, PAYLOAD, Math.min(COMMIT_EVENTS, n - i));
  await catchUp({ n, engine, commitEvents: COMMIT_EVENTS }, newRethinkDbEngine(server), () => bare.sumOfAll());
  await bare.close();
}

/** One stream with 1,000 subscribers; against the same inserts, and a loop that calls 1,000 functions. */
export async function fanoutOn(server: RethinkDbProcess, { n = 3_000, ...options }: BenchOptions): Promise<void> {
  const bare = await BareRethinkDb.open(server);
  const commit = committing(bare);
  await deliveries({ n, ...options }, newRethinkDbEngine(server), (events, batch) =>
    call(batch, events, () => commit('meter-1')),
  );
  await bare.close();
}

/** Commits of one event each, at the versions of their streams. */
function committing(bare: BareRethinkDb): (stream: string) => Promise<void> {
  const versions = new Map<string, number>();
  return (stream) => {
    const version = (versions.get(stream) ?? 0) + 1;
    versions.set(stream, version);
    return bare.commit(stream, version, PAYLOAD);
  };
}
