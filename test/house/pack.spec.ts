import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { snippetsOfPage } from './snippets.js';
import { ROOT, readSource } from './source-files.js';

/**
 * The package as its users get it: packed, installed into an empty app of each Nest version, compiled there by that app's compiler
 * with the tsconfig that `nest new` writes, run, and tested by that app's test runner. The apps are in ./apps: one source for
 * both; of what `nest new` puts into package.json they keep what compiling, running and testing needs. The code that the README
 * shows is a part of them: it has to compile, and its test has to pass, as it is pasted.
 */
const INSTALL_TIMEOUT_MS = 300_000;
const apps = join(ROOT, 'test/house/apps');
const manifest = JSON.parse(readSource('package.json')) as Manifest;
const doors = Object.keys(manifest.exports).map((door) => door.replace(/^\./, 'omniscient-nest'));

interface Manifest {
  readonly exports: Record<string, string | { readonly types: string; readonly default: string }>;
  readonly typesVersions: Record<'*', Record<string, readonly string[]>>;
}

let folder: string;
const nest11 = () => join(folder, 'nest-11');
const nest12 = () => join(folder, 'nest-12');

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pack-'));
  const tarball = await pack(join(folder, 'package'));
  await Promise.all([makeApp('nest-11', tarball), makeApp('nest-12', tarball)]);
}, INSTALL_TIMEOUT_MS);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('The package', () => {
  it('holds the compiled library, its licence and readme, and no sources or tests', () => {
    const installed = join(nest12(), 'node_modules/omniscient-nest');
    expect(readdirSync(installed)).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'dist', 'package.json']));
    const odd = readdirSync(installed, { recursive: true, encoding: 'utf8' }).filter((file) =>
      /(?<!\.d)\.ts$|\bspec\b|\btest\//.test(file),
    );
    expect(odd).toEqual([]);
  });

  it('names the same doors for every kind of module resolution', () => {
    const subpaths = Object.entries(manifest.exports).filter(([door]) => door !== '.' && door !== './package.json');
    const older = subpaths.map(([door, target]) => [door.slice('./'.length), [(target as { types: string }).types]]);
    expect(manifest.typesVersions['*']).toEqual(Object.fromEntries(older));
    const { compilerOptions } = JSON.parse(readSource('tsconfig.json')) as { compilerOptions: { paths: object } };
    expect(Object.keys(compilerOptions.paths)).toEqual(doors.filter((door) => !door.endsWith('.json')));
  });

  it('has types that need no other package than its peers', async () => {
    const source = doors
      .filter((door) => !door.endsWith('.json'))
      .map((door, i) => `export * as door${i} from '${door}';\n`);
    const compilerOptions = { module: 'nodenext', target: 'es2023', strict: true, noEmit: true, types: ['node'] };
    mkdirSync(join(nest12(), 'strict'));
    writeFileSync(join(nest12(), 'strict/doors.ts'), source.join(''));
    writeFileSync(join(nest12(), 'strict/tsconfig.json'), JSON.stringify({ compilerOptions }));
    // Without skipLibCheck: with it, a type that can't be found would silently be `any`.
    const { stdout } = await succeed(node(nest12(), 'node_modules/typescript/bin/tsc', '-p', 'strict', '--listFiles'));
    expect(stdout).toContain('omniscient-nest/dist/engines/sqlite/sqlite-engine.d.ts');
  });
});

describe.each([
  ['An empty Nest 11 app, CommonJS', nest11, 'tsconfig.build.json'],
  ['An empty Nest 11 app with the tsconfig of older templates', nest11, 'tsconfig.older.json'],
  ['An empty Nest 12 app, ECMAScript modules', nest12, 'tsconfig.build.json'],
])('%s', (_title, app, tsconfig) => {
  const fresh = { token: 'a-token', state: { logins: 1, failedLogins: 1, password: 'secret' }, version: 3 };
  const again = { token: 'a-token', state: { logins: 2, failedLogins: 2, password: 'secret' }, version: 5 };

  it('compiles', async () => {
    rmSync(join(app(), 'dist'), { recursive: true, force: true });
    for (const beside of ['', '-wal', '-shm', '-bell']) rmSync(join(app(), `users.db${beside}`), { force: true });
    const { stdout, code } = await node(
      app(),
      'node_modules/typescript/bin/tsc',
      '-p',
      tsconfig,
      '--incremental',
      'false',
    );
    expect(stdout).toBe('');
    expect(code).toBe(0);
  });

  it('runs on the memory engine without the driver of another engine, and without OpenTelemetry and terminus', async () => {
    removeDriver(app());
    for (const name of ['@opentelemetry', '@nestjs/terminus']) {
      expect(existsSync(join(app(), 'node_modules', name))).toBe(false);
    }
    expect(await run(app(), 'memory.js')).toEqual(fresh);
  });

  it.each([
    ['missing', removeDriver],
    ['not compiled', leaveDriverUncompiled],
  ])('says what to do when the driver of the default engine is %s', async (_why, arrange) => {
    arrange(app());
    const { code, stderr } = await node(app(), 'dist/default.js');
    expect(stderr).toContain('npm install better-sqlite3');
    expect(code).toBe(1);
  });

  it('runs on SQLite, and finds its past there the next time', async () => {
    linkDriver(app());
    expect(await run(app(), 'sqlite.js')).toEqual(fresh);
    expect(await run(app(), 'sqlite.js')).toEqual(again);
  });

  it('runs without options, on SQLite in ./data/events.db', async () => {
    linkDriver(app());
    rmSync(join(app(), 'data'), { recursive: true, force: true });
    expect(await run(app(), 'default.js')).toEqual(fresh);
    expect(existsSync(join(app(), 'data/events.db'))).toBe(true);
  });
});

describe('Given, When, Then', () => {
  it('run under the Jest of a Nest 11 app, the test of the README too', async () => {
    const { code, stderr } = await node(nest11(), 'node_modules/jest/bin/jest.js');
    expect(stderr).toContain('Tests:       3 passed, 3 total');
    expect(code).toBe(0);
  });

  it('run under the Vitest of a Nest 12 app, the test of the README too', async () => {
    const { code, stdout } = await node(nest12(), 'node_modules/vitest/vitest.mjs', 'run', '--globals');
    expect(stdout).toMatch(/Tests\s+3 passed/);
    expect(code).toBe(0);
  });
});

describe('CommonJS', () => {
  // require() of an ECMAScript module is refused by Node when anything in it awaits at its top level.
  it.each(doors)('can require %s', async (door) => {
    linkDriver(nest11());
    const { code, stdout } = await node(nest11(), '-e', `console.log(Object.keys(require('${door}')).length > 0)`);
    expect(stdout).toBe('true\n');
    expect(code).toBe(0);
  });
});

/** Packs the library from a copy, compiled afresh: nobody's dist is touched, and none that is out of date is packed. */
async function pack(copy: string): Promise<string> {
  mkdirSync(copy);
  for (const file of ['package.json', 'README.md', 'LICENSE', 'docs']) {
    if (existsSync(join(ROOT, file))) cpSync(join(ROOT, file), join(copy, file), { recursive: true });
  }
  await succeed(
    node(ROOT, 'node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', join(copy, 'dist')),
  );
  const { stdout } = await succeed(execute(copy, 'npm', 'pack', '--ignore-scripts', '--json'));
  return join(copy, (JSON.parse(stdout) as [{ filename: string }])[0].filename);
}

async function makeApp(name: 'nest-11' | 'nest-12', tarball: string): Promise<void> {
  const app = join(folder, name);
  cpSync(join(apps, name), app, { recursive: true });
  mkdirSync(join(app, 'src'));
  for (const [file, source] of sourcesOfApps()) {
    // Imports are written as the templates write them: with an extension in ECMAScript modules, without in CommonJS.
    const isModule = name === 'nest-12';
    writeFileSync(join(app, 'src', file), isModule ? source : source.replaceAll(/(from '\.\/.*)\.js';/g, "$1';"));
  }
  // No install scripts: compiling better-sqlite3 takes a minute, and this checkout has it compiled already (see linkDriver).
  const flags = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  await succeed(execute(app, 'npm', 'install', ...flags, tarball));
}

/** Those of ./apps, and what the README shows. */
function sourcesOfApps(): (readonly [file: string, source: string])[] {
  const own = readdirSync(join(apps, 'src')).map((file) => [file, readSource(`test/house/apps/src/${file}`)] as const);
  const shown = snippetsOfPage(readSource('README.md')).map(({ file, source }) => [file, source] as const);
  // The reader does not see the one that starts the application.
  return [...own, ...shown.filter(([file]) => file !== 'app.spec.ts')];
}

function removeDriver(app: string): void {
  rmSync(join(app, 'node_modules/better-sqlite3'), { recursive: true, force: true });
}

/** As package managers leave it that do not run install scripts unasked. */
function leaveDriverUncompiled(app: string): void {
  removeDriver(app);
  const from = join(ROOT, 'node_modules/better-sqlite3');
  cpSync(from, join(app, 'node_modules/better-sqlite3'), {
    recursive: true,
    filter: (path) => !/build|deps/.test(path.slice(from.length)),
  });
}

function linkDriver(app: string): void {
  removeDriver(app);
  symlinkSync(join(ROOT, 'node_modules/better-sqlite3'), join(app, 'node_modules/better-sqlite3'));
}

/** Runs a compiled program of an app; gives the line of JSON it printed. */
async function run(app: string, program: string): Promise<unknown> {
  const { stdout } = await succeed(node(app, `dist/${program}`));
  return JSON.parse(stdout);
}

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function node(cwd: string, ...args: string[]): Promise<Outcome> {
  return execute(cwd, process.execPath, ...args);
}

function execute(cwd: string, command: string, ...args: string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    // NODE_OPTIONS would bring flags of the test run into the app.
    const child = spawn(command, args, { cwd, env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' } });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (data) => (output.stdout += data));
    child.stderr.on('data', (data) => (output.stderr += data));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...output }));
  });
}

async function succeed(running: Promise<Outcome>): Promise<Outcome> {
  const outcome = await running;
  if (outcome.code !== 0) throw new Error(`Exit code ${outcome.code}: ${outcome.stdout}${outcome.stderr}`);
  return outcome;
}
