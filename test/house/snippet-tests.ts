import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transformSync } from '@swc/core';
import { isTest, type Snippet } from './snippets.js';
import { ROOT } from './source-files.js';

/** What became of a page's tests. */
export interface TestRun {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  /** All that was said, without line breaks and indentation. */
  readonly output: string;
}

/**
 * Runs the tests of a page as its reader would: with node:test, on the compiled package, in an empty folder.
 *
 * @param page the page's path without its ending.
 */
export async function runTestsOf(page: string, snippets: readonly Snippet[]): Promise<TestRun> {
  // Inside the repository, so that the package is found by its own name.
  const folder = join(ROOT, '.build/snippets', page);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { file, source } of snippets) writeFileSync(join(folder, file.replace(/ts$/, 'js')), compiled(source));
  const tests = snippets.filter(isTest).map(({ file }) => join(folder, file.replace(/ts$/, 'js')));
  const cwd = mkdtempSync(join(tmpdir(), 'snippets-'));
  try {
    const output = await said(cwd, ['--test', '--test-reporter=tap', '--import', GLOBAL_IT, ...tests]);
    const names = (result: string) =>
      [...output.matchAll(new RegExp(`^ *${result} \\d+ - (.*)$`, 'gm'))].map(([, name]) => name as string);
    return { passed: names('ok'), failed: names('not ok'), output: flat(output) };
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** Indentation and line breaks are the reporter's, and the page's. Which seed of a simulation fails may change with any line of the library. */
export function flat(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/\b(seed:? |SEED=|s)\d+/g, '$1#')
    .trim();
}

/** Longest that the tests of one page may take: a limit for what never ends, on a busy machine too. Milliseconds. */
export const RUN_MS_MAX = 240_000;

/** Jest and Vitest bring `it` along, node:test wants it imported. */
const GLOBAL_IT = `data:text/javascript,${encodeURIComponent("import { it } from 'node:test'; globalThis.it = it;")}`;

function compiled(source: string): string {
  const { code } = transformSync(source, {
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
    },
    module: { type: 'es6' },
  });
  return code;
}

function said(cwd: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    // What Jest set is for its own workers.
    const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _context, ...env } = process.env;
    // One seed is enough to see that a simulation on a page is right.
    const options = { cwd, env: { ...env, SEED: '1' }, timeout: RUN_MS_MAX };
    const child = spawn(process.execPath, args, options);
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (output += data));
    child.on('error', reject);
    child.on('close', () => resolve(output));
  });
}
