/**
 * What is cheap of what CI checks: `npm run check`, in less than a minute on two cores. Lint and types, side by side; then the house rules, the kernel, the
 * public types and the sample's actors. It needs no build, no server and no browser. It runs everything, and says at the end what failed.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BIN = `${ROOT}node_modules/.bin/`;
const QUICK_SPECS = ['test/house/', 'test/kernel/', 'test/types/', 'test/sample/actors.spec.ts'];
/** These compile, run and install whole packages, and every snippet of the documentation. */
const SLOW_SPECS = 'test/house/(apps/|build.spec|pack.spec|documentation.spec)';

/** Those of one line run side by side. */
const STEPS = [
  [
    ['lint', `${BIN}biome`, 'check', '--error-on-warnings', '.'],
    ['types', `${BIN}tsc`, '-p', 'tsconfig.json'],
  ],
  [
    [
      'specs',
      process.execPath,
      'scripts/test.mjs',
      '--maxWorkers=2',
      ...QUICK_SPECS,
      '--testPathIgnorePatterns',
      SLOW_SPECS,
    ],
  ],
];

const startedMs = performance.now();
const failed = [];
for (const step of STEPS) await Promise.all(step.map(run));
const seconds = Math.round((performance.now() - startedMs) / 1_000);
console.log(failed.length === 0 ? `Everything checked in ${seconds} s.` : `Failed: ${failed.join(', ')}.`);
process.exitCode = failed.length === 0 ? 0 : 1;

/** What a command says is shown when it has ended, so that two do not talk at once; but specs take longer. */
function run([name, command, ...commandArguments]) {
  const isAlone = name === 'specs';
  const child = spawn(command, commandArguments, { cwd: ROOT, stdio: isAlone ? 'inherit' : 'pipe' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (output += data));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code !== 0) failed.push(name);
      if (!isAlone) process.stdout.write(`${code === 0 ? 'passed' : 'FAILED'}: ${name}\n${code === 0 ? '' : output}`);
      resolve();
    });
  });
}
