import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { flat, RUN_MS_MAX, runTestsOf } from './snippet-tests.js';
import { failuresOf, isTest, type Snippet, snippetsOfDocstrings, snippetsOfPage } from './snippets.js';
import { filesBelow, ROOT, readSource } from './source-files.js';

/** Documentation is compiled, and its tests are run: snippets.ts says how code is taken out of it. */
const pages = filesBelow('README.md', 'docs', 'bench', 'sample-app').filter((file) => file.endsWith('.md'));
const sources = filesBelow('lib').filter((file) => file.endsWith('.ts'));

describe('The documentation', () => {
  it('shows code that compiles', () => {
    const snippets = [
      ...pages.map((page) => ({ folder: page.replace(/\.md$/, ''), snippets: snippetsOfPage(readSource(page)) })),
      ...sources.map((source) => ({ folder: source, snippets: snippetsOfDocstrings(readSource(source)) })),
    ].flatMap(({ folder, snippets }) => snippets.map((each) => ({ ...each, file: `${folder}/${each.file}` })));

    expect(snippets.some(({ file }) => file.startsWith('README/'))).toBe(true);
    expect(snippets.some(({ file }) => file.startsWith('lib/'))).toBe(true);
    expect(compile(snippets)).toEqual([]);
  });
});

const tested = pages.filter((page) => snippetsOfPage(readSource(page)).some(isTest));

describe('The tests that the documentation shows', () => {
  it('are there', () => {
    expect(tested).toEqual(expect.arrayContaining(['README.md', 'docs/testing.md', 'docs/how-to/test.md']));
  });

  const hold = async (page: string) => {
    const markdown = readSource(page);
    const { passed, failed, output } = await runTestsOf(page.replace(/\.md$/, ''), snippetsOfPage(markdown));
    const showsFailure = (name: string) => name.startsWith('says ');
    if (failed.some((name) => !showsFailure(name))) throw new Error(`These failed: ${failed.join(', ')}\n${output}`);
    expect(passed.length).toBeGreaterThan(0);
    expect(passed.filter(showsFailure)).toEqual([]);
    expect(failed).toHaveLength(failuresOf(markdown).length);
    for (const failure of failuresOf(markdown)) expect(output).toContain(flat(failure));
  };
  it.each(tested)('hold, or fail as the page says: %s', hold, RUN_MS_MAX + 10_000);
});

describe('The checks above', () => {
  const page = (...lines: string[]) => lines.join('\n');

  it('lets blocks of a page build on each other, in one file or several', () => {
    const markdown = page(
      '# Title',
      '```ts',
      "import { LiveActor } from 'omniscient-nest';",
      'export const base = LiveActor;',
      '```',
      '<!-- ts',
      'const unseen = 1;',
      '-->',
      '```ts',
      '// other.ts: a file of its own',
      "import { base } from './page.js';",
      'export const name: string = base.name;',
      '```',
      '```ts',
      '// page.ts',
      'export const sum: number = unseen + 1;',
      '```',
      '```sh',
      'npm ci',
      '```',
    );
    expect(snippetsOfPage(markdown).map(({ file }) => file)).toEqual(['page.ts', 'other.ts']);
    expect(compile(snippetsOfPage(markdown))).toEqual([]);
  });

  it('finds a wrong type, a misspelt import and a wrong event, on their lines', () => {
    const markdown = page(
      '```ts',
      "import { LiveActor, LifeActor } from 'omniscient-nest';",
      'export const n: number = LifeActor;',
      "export const text: number = 'text';",
      '```',
      '',
      '```ts',
      'export class Counter extends LiveActor<{ n: number }, { added: { n: number } }> {',
      '  initialState() { return { n: 0 }; }',
      "  add() { this.fire('aded', { n: 1 }); }",
      '}',
      '```',
    );
    expect(compile(snippetsOfPage(markdown))).toEqual([
      expect.stringContaining('page.ts(2,'),
      expect.stringContaining('page.ts(4,'),
      expect.stringContaining('page.ts(10,'),
    ]);
  });

  it('finds a wrong example in a docstring', () => {
    const source = page(
      '/**',
      ' * @example',
      ' * ```ts',
      " * export const n: number = '1';",
      ' * ```',
      ' */',
      'export {};',
    );
    expect(compile(snippetsOfDocstrings(source))).toEqual([expect.stringContaining('line-3.ts(4,')]);
  });

  it('finds a test that fails, and one that fails otherwise than is said', async () => {
    const markdown = page(
      '```ts',
      "it('passes', () => {});",
      "it('fails', () => { throw new Error('in earnest'); });",
      "it('says why', () => { throw new Error('Given nothing'); });",
      '```',
      '```text',
      'Given nothing',
      '```',
    );
    const run = await runTestsOf('test/of-the-check', snippetsOfPage(markdown));
    expect(run.passed).toEqual(['passes']);
    expect(run.failed).toEqual(['fails', 'says why']);
    expect(failuresOf(markdown).every((failure) => run.output.includes(flat(failure)))).toBe(true);
    expect(run.output).not.toContain('Given something');
  });

  it('refuses a block that is never closed', () => {
    expect(() => snippetsOfPage('```ts\nconst a = 1;')).toThrow('line 1');
  });
});

/** What the compiler has to say about these files, one line an error. */
function compile(snippets: readonly Snippet[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'readme-'));
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
    // The repository's own compiler options and paths; only code that is there to be read may declare what it does not use.
    const compilerOptions = { moduleDetection: 'force', noUnusedLocals: false, noUnusedParameters: false };
    const tsconfig = { extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: ['**/*.ts'] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
    writeFileSync(join(folder, 'test-runner.d.ts'), 'declare function it(name: string, test: () => unknown): void;\n');
    for (const { file, source } of snippets) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), source);
    }
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', '.'], { cwd: folder, encoding: 'utf8' });
    const errors = stdout.split('\n').filter((line) => /^\S.*error TS\d+/.test(line));
    if (status !== 0 && errors.length === 0) throw new Error(`The compiler failed: ${stdout}`);
    // Errors of the library itself are for the type check to tell.
    return errors.filter((line) => !line.startsWith('../'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
