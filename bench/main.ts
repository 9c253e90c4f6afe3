import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { command, hot } from './command.js';
import { fanout } from './fanout.js';
import { say } from './figures.js';
import { live } from './live.js';
import { loopHold } from './loop-hold.js';
import type { BenchOptions } from './options.js';
import { react } from './react.js';
import { realLog } from './real-log/real-log.js';
import { rehydrate } from './rehydrate.js';
import { resident } from './resident.js';
import { tail } from './tail.js';
import { ticks } from './ticks.js';

/** What `npm run bench -- NAME` can measure. */
const BENCHMARKS: Readonly<Record<string, (options: BenchOptions) => Promise<void>>> = {
  command,
  hot,
  rehydrate,
  live,
  resident,
  'real-log': realLog,
  ticks,
  react,
  tail,
  fanout,
  'loop-hold': loopHold,
};

const ENGINES = ['sqlite', 'memory', 'rethinkdb'];

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { engine: { type: 'string', default: 'sqlite' }, n: { type: 'string' } },
  });
  const [name = '', file] = positionals;
  const benchmarks = values.engine === 'rethinkdb' ? (await import('./rethinkdb/benchmarks.js')).RETHINKDB : BENCHMARKS;
  const benchmark = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;
  const n = values.n === undefined ? undefined : Number(values.n);
  if (!benchmark || !ENGINES.includes(values.engine) || (n !== undefined && !(Number.isSafeInteger(n) && n > 0))) {
    throw new Error(
      `usage: npm run bench -- NAME [FILE] [--engine ${ENGINES.join('|')}] [--n N]; NAME is one of ${Object.keys(benchmarks).join(', ')}`,
    );
  }
  await benchmark({ n, engine: values.engine, file });
}

main().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
