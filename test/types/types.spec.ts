import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, it } from '@jest/globals';

/** The type tests of this folder, as fire.spec-d.ts describes them. */
it('The type tests compile, and what must not compile does not', () => {
  const root = resolve(import.meta.dirname, '../..');
  const tsc = resolve(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', '.', '--listFiles'], { cwd: root, encoding: 'utf8' });
  expect(stdout).toContain(`${import.meta.dirname}/fire.spec-d.ts`);
  expect(stdout.split('\n').filter((line) => line.startsWith('test/types/'))).toEqual([]);
});
