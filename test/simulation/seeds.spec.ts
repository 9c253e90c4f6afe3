import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const SCRIPT = fileURLToPath(new URL('../../scripts/simulate.mjs', import.meta.url));
/** Longest that all courses may take on a machine that does something else as well. Milliseconds. */
const COURSES_MS_MAX = 600_000;

describe('The library', () => {
  it(
    'keeps what it promises in 300 courses',
    () => {
      const { stdout, stderr, status } = spawnSync(process.execPath, [SCRIPT, '--seeds', '300'], { encoding: 'utf8' });
      expect(`${stdout}${stderr}`).toMatch(/300 courses in \d+ s: 0 failed/);
      expect(status).toBe(0);
    },
    COURSES_MS_MAX,
  );
});
