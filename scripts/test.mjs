/**
 * Runs the specs with Jest, in two parts: first all that mind no company, two files at a time; then those that start many processes and measure how soon
 * they take over from each other, one file after another. `npm test -- PATTERN …` is one Jest run with these arguments.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const JEST = fileURLToPath(new URL('../node_modules/jest/bin/jest.js', import.meta.url));
const NODE_FLAGS = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
const ALONE = 'test/multi-process/';

const given = process.argv.slice(2);
const runs =
  given.length > 0
    ? [given]
    : [
        ['--maxWorkers=2', '--testPathIgnorePatterns', ALONE, 'test/house/apps/'],
        ['--runInBand', ALONE],
      ];
const results = runs.map((jestArguments) =>
  spawnSync(process.execPath, [...NODE_FLAGS, JEST, ...jestArguments], { stdio: 'inherit' }),
);
process.exitCode = results.every(({ status }) => status === 0) ? 0 : 1;
