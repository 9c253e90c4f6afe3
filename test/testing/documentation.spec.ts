import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { transformSync } from '@swc/core';
import { snippetsOfPage } from '../house/snippets.js';

const root = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/testing.md'), 'utf8');

describe('docs/testing.md', () => {
  const { passed, failed, output } = run(snippetsOfPage(page)[0]?.source ?? '');
  const failures = [...page.matchAll(/^```text\n(.*?)\n```$/gms)].map(([, text]) => unindented(text as string));

  it('shows tests that pass', () => {
    expect(passed.length).toBeGreaterThan(4);
    expect(passed.filter((name) => name.startsWith('says '))).toEqual([]);
  });

  it('shows what each failing test says, word for word', () => {
    expect(failures.length).toBeGreaterThan(3);
    expect(failed).toHaveLength(failures.length);
    expect(failed.filter((name) => !name.startsWith('says '))).toEqual([]);
    for (const failure of failures) expect(output).toContain(failure);
  });
});

/** Runs the page's code as its reader would: with node:test, on the compiled package. */
function run(source: string): { passed: string[]; failed: string[]; output: string } {
  const { code } = transformSync(source, {
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
    },
    module: { type: 'es6' },
  });
  const folder = join(root, '.build/docs');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'testing.mjs'), code);
  const { NODE_OPTIONS: _, ...env } = process.env;
  const command = ['--test', '--test-reporter=tap', join(folder, 'testing.mjs')];
  const { stdout } = spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8', env });
  const output = unindented(stdout);
  const names = (result: string) =>
    [...output.matchAll(new RegExp(`^${result} \\d+ - (.*)$`, 'gm'))].map(([, name]) => name as string);
  return { passed: names('ok'), failed: names('not ok'), output };
}

/** Indentation is the reporter's. */
function unindented(text: string): string {
  return text.replaceAll(/^ +/gm, '').trim();
}
