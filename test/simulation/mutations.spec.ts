import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';

const SCRIPT = fileURLToPath(new URL('../../scripts/mutations.mjs', import.meta.url));
/** Fewest sabotages that the simulator has to be shown to find. */
const MUTATIONS_MIN = 25;
/** Only for what hangs. Milliseconds. */
const TEST_MS_MAX = 1_200_000;

it(
  'The simulator finds every sabotage of the library that is on the list',
  () => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [SCRIPT], { encoding: 'utf8' });
    process.stdout.write(stdout);
    const [, found, all] = /(\d+) of (\d+) found/.exec(stdout) ?? [];
    expect({ missed: stdout.match(/^MISSED.*$/gm) ?? [], stderr, status }).toEqual({
      missed: [],
      stderr: '',
      status: 0,
    });
    expect(found).toBe(all);
    expect(Number(all)).toBeGreaterThanOrEqual(MUTATIONS_MIN);
  },
  TEST_MS_MAX,
);
