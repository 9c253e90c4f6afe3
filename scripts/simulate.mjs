/**
 * Simulates the compiled library with the workloads of test/simulation/workloads, in a process for each core:
 * `npm run simulate -- [--seeds 10000] [--seed N] [--workload NAME]`. Seeds are shared out among the workloads, unless one is named. Says which seeds fail;
 * with `--seed` it shows the shortened course. Its exit status is 1 if any failed.
 */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const WORKLOADS = new URL('../.build/test/simulation/workloads/index.js', import.meta.url);
/** Seeds that a worker is given at once. */
const BATCH_SEEDS = 5;
/** How often progress is told where it goes to no terminal. Milliseconds. */
const TELL_MS = 10_000;
const BAR_WIDTH = 40;

if (process.env.SIMULATION_WORKER) await work();
else process.exitCode = await main();

/** Simulates what it is told to, one course after the other. */
async function work() {
  const { WORKLOADS: workloads } = await import(WORKLOADS);
  const { simulate } = await import('omniscient-nest/testing');
  process.on('message', async ({ jobs, shrinks }) => {
    for (const { workload, seed } of jobs) {
      const { failure, figures } = await simulate({ ...workloads[workload], seed, shrinks }).then(
        (figures) => ({ figures }),
        (error) => ({ failure: { invariant: error.invariant ?? 'it runs', message: error.stack ?? String(error) } }),
      );
      process.send({ workload, seed, failure, figures });
    }
    process.send('idle');
  });
  process.send('idle');
}

async function main() {
  const options = argumentsOf(process.argv.slice(2));
  const { WORKLOADS: workloads } = await import(WORKLOADS);
  const names = options.workload === undefined ? Object.keys(workloads) : [options.workload];
  const unknown = names.find((name) => !(name in workloads));
  if (unknown !== undefined) {
    console.error(`There is no workload '${unknown}'. There are: ${Object.keys(workloads).join(', ')}.`);
    return 2;
  }
  const jobs =
    options.seed !== undefined
      ? names.map((workload) => ({ workload, seed: Number(options.seed) }))
      : Array.from({ length: Number(options.seeds) }, (_, i) => ({
          workload: names[i % names.length],
          seed: Math.floor(i / names.length) + Number(options.from),
        }));
  return run(jobs, options.seed !== undefined);
}

function argumentsOf(args) {
  const string = { type: 'string' };
  const { values } = parseArgs({ args, options: { seeds: string, seed: string, from: string, workload: string } });
  return { seeds: '10000', from: '1', ...values };
}

async function run(jobs, isShown) {
  const startedMs = performance.now();
  const total = jobs.length;
  const failures = [];
  const sums = { events: 0, virtualMs: 0, steps: 0 };
  let done = 0;
  const progress = progressOf(total);
  const took = (message) => {
    done += 1;
    for (const name of Object.keys(sums)) sums[name] += message.figures?.[name] ?? 0;
    if (message.failure) {
      failures.push(message);
      progress.say(`${message.workload}, seed ${message.seed}: ${firstLine(message.failure, isShown)}`);
    }
    progress.show(done, failures.length);
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), total) }, () => worker(jobs, isShown, took)));
  progress.end();
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  const hours = (sums.virtualMs / 3_600_000).toFixed(1);
  console.log(
    `${total} courses in ${seconds} s: ${failures.length} failed; ${sums.events} events, ${hours} hours of virtual time`,
  );
  for (const [invariant, seeds] of byInvariant(failures)) console.log(`  ${invariant}: ${seeds.join(', ')}`);
  return failures.length === 0 ? 0 : 1;
}

function worker(jobs, isShown, took) {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), { env: { ...process.env, SEED: '', SIMULATION_WORKER: '1' } });
    let batch = [];
    child.on('message', (message) => {
      if (message !== 'idle') {
        batch.shift();
        took(message);
        return;
      }
      batch = jobs.splice(0, BATCH_SEEDS);
      if (batch.length === 0) child.disconnect();
      else child.send({ jobs: batch, shrinks: isShown });
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      const [first] = batch;
      if (!first) return resolve();
      // Something ended the process: the course that ran is the one that did.
      took({ ...first, failure: { invariant: 'the process lives', message: `the process ended with ${code}` } });
      jobs.unshift(...batch.slice(1));
      resolve(worker(jobs, isShown, took));
    });
  });
}

function firstLine({ message }, isShown) {
  return isShown ? message : message.split('\n')[0].slice(0, 300);
}

function byInvariant(failures) {
  const seeds = new Map();
  for (const { failure, workload, seed } of failures) {
    seeds.set(failure.invariant, [...(seeds.get(failure.invariant) ?? []), `${workload} ${seed}`]);
  }
  return seeds;
}

/** A bar on a terminal, a line now and then elsewhere. */
function progressOf(total) {
  const isTerminal = process.stdout.isTTY === true;
  let toldAtMs = performance.now();
  const startedMs = performance.now();
  const textOf = (done, failed) => {
    const leftMs = ((performance.now() - startedMs) / Math.max(1, done)) * (total - done);
    return `${done} of ${total}, ${failed} failed, ${Math.round(leftMs / 1000)} s left`;
  };
  return {
    show(done, failed) {
      if (isTerminal) {
        const filled = Math.round((done / total) * BAR_WIDTH);
        process.stdout.write(
          `\r[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}] ${textOf(done, failed)} \x1b[K`,
        );
      } else if (performance.now() - toldAtMs > TELL_MS) {
        toldAtMs = performance.now();
        console.log(textOf(done, failed));
      }
    },
    say(text) {
      if (isTerminal) process.stdout.write('\r\x1b[K');
      console.log(text);
    },
    end() {
      if (isTerminal) process.stdout.write('\r\x1b[K');
    },
  };
}
