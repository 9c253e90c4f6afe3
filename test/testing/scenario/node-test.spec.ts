import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';

const root = resolve(import.meta.dirname, '../../..');
const program = resolve(root, '.build/test/processes/given-when-then.node-test.js');

describe('Under node:test', () => {
  let all: Run;
  beforeAll(() => {
    all = runTests();
  });

  it('what holds passes, awaited or returned', () => {
    expect(all.passed).toEqual(expect.arrayContaining(['passes, awaited', 'passes, returned']));
  });

  it('what does not hold fails, awaited or returned', () => {
    expect(all.failed).toEqual(['fails, awaited', 'fails, returned', 'fails, thrown by the actor']);
  });

  it('says what differs', () => {
    expect(all.output).toContain(
      unindented(`
        Given a thousand
          When Account.payOut(300)
          Then events[0].data.cents is 300, but should be 301

          - expected
          + fired

            [
              {
                name: 'paid_out',
                data: {
          -       cents: 301,
          +       cents: 300,
                },
              },
            ]`),
    );
    expect(all.output).toContain(
      unindented(`
        Given a thousand
          When Account.payOut(300)
          And Account's state.cents is 700, but should be 701`),
    );
    expect(all.output).toContain(
      unindented(`
        Given a thousand
          When Account.payOut(1300) failed: RangeError: only 1000 cents are left`),
    );
  });

  it('hands the runner both values', () => {
    expect(all.output).toContain("expected:\n0:\nname: 'paid_out'\ndata:\ncents: 301\n");
    expect(all.output).toContain("actual:\n0:\nname: 'paid_out'\ndata:\ncents: 300\n");
  });

  it('fails the run for a failure in a chain that nobody awaited', () => {
    const { status, output } = runTests('--test-name-pattern=fails, forgotten');
    expect(output).toContain("And Account's state.cents is 1001, but should be 1");
    expect(status).toBe(1);
  });

  it('succeeds when everything holds', () => {
    const { status, passed, failed } = runTests('--test-name-pattern=passes');
    expect([status, failed]).toEqual([0, []]);
    expect(passed).toEqual(expect.arrayContaining(['passes, awaited', 'passes, returned']));
  });
});

interface Run {
  readonly status: number | null;
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  /** Without indentation, which is the reporter's. */
  readonly output: string;
}

function runTests(...options: string[]): Run {
  if (!existsSync(program)) throw new Error(`${program} is not there: npm run build makes it`);
  const { NODE_OPTIONS: _, ...env } = process.env;
  const command = ['--test', '--test-reporter=tap', ...options, program];
  const { status, stdout } = spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8', env });
  const output = unindented(stdout);
  const names = (result: string) =>
    [...output.matchAll(new RegExp(`^${result} \\d+ - ((?:passes|fails),? [^#\\n]*)$`, 'gm'))].map(
      ([, name]) => name as string,
    );
  return { status, passed: names('ok'), failed: names('not ok'), output };
}

function unindented(text: string): string {
  return text.replaceAll(/^ +/gm, '').trim();
}
