import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as breath } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ROOT } from './source-files.js';

/** What says how a checkout is compiled and started: as it is. Instead of the library and the sample there are a few lines, so that it does not take long. */
const CONFIGS = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'tsconfig.apps.json'];
const SOURCES = {
  'lib/index.ts': 'export const where: string = import.meta.url;\n',
  'lib/old.ts': 'export const old = 1;\n',
  'sample-app/main.ts': `
    import { where } from 'omniscient-nest';
    console.log('ready:', where);
    setInterval(() => {}, 60_000);\n`,
};

let checkout: string;
const running = new Set<ChildProcess>();

beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'build-'));
  for (const part of [...CONFIGS, 'scripts']) cpSync(join(ROOT, part), join(checkout, part), { recursive: true });
  for (const folder of ['lib', 'sample-app']) mkdirSync(join(checkout, folder));
  for (const [file, source] of Object.entries(SOURCES)) writeFileSync(join(checkout, file), source);
  symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'));
});

afterEach(async () => {
  await Promise.all([...running].map(stop));
  rmSync(checkout, { recursive: true, force: true });
});

describe('Starting the sample from a checkout', () => {
  it('works several times at once, with nothing built yet, and leaves nothing else behind', async () => {
    const first = run('start');
    // The first one is about to compile against this, and then to load it.
    while (!existsSync(join(checkout, 'dist/index.d.ts')) && first.child.exitCode === null) await breath();
    await Promise.all([ready(first), ready(run('start')), ready(run('start'))]);
    expect(readdirSync(checkout).filter((name) => name.startsWith('.building'))).toEqual([]);
  });

  it('does not touch what is built already', async () => {
    await succeed('build');
    const before = signs();
    await ready(run('start'));
    expect(signs()).toEqual(before);
  });

  it('builds again what is older than its source, or gone', async () => {
    await succeed('build');
    appendFileSync(join(checkout, 'sample-app/main.ts'), "console.log('This is new.');\n");
    rmSync(join(checkout, 'dist/index.js'));
    const app = run('start');
    await Promise.all([ready(app), says(app, 'This is new.')]);
  });
});

describe('A build', () => {
  it('takes no file away from whoever is running, but those whose source is gone', async () => {
    await succeed('build');
    const kept = built().filter((file) => !file.startsWith('dist/old.'));
    rmSync(join(checkout, 'lib/old.ts'));
    const missed = new Set<string>();
    const build = run('build');
    const closed = once(build.child, 'close');
    while (build.child.exitCode === null) {
      for (const file of kept) if (!existsSync(join(checkout, file))) missed.add(file);
      await breath();
    }
    expect(await closed).toEqual([0, null]);
    expect([...missed]).toEqual([]);
    expect(built()).toEqual(kept);
  });

  it('that fails says so, and what was built before stays', async () => {
    await succeed('build');
    const before = signs();
    writeFileSync(join(checkout, 'lib/wrong.ts'), "export const n: number = 'text';\n");
    await expect(succeed('build')).rejects.toThrow('lib/wrong.ts(1,14)');
    expect(signs()).toEqual(before);
  });

  it('goes on where another was killed', async () => {
    mkdirSync(join(checkout, '.building'));
    await succeed('build');
    expect(existsSync(join(checkout, '.building'))).toBe(false);
  });
});

/** What was compiled, as paths in the checkout. */
function built(): string[] {
  return ['dist', '.build'].flatMap((folder) =>
    readdirSync(join(checkout, folder), { recursive: true, encoding: 'utf8' })
      .map((file) => join(folder, file))
      .filter((file) => /\.(?:js|d\.ts)$/.test(file))
      .sort(),
  );
}

/** Another one for each file that was written again, or had another put in its place. */
function signs(): Record<string, string> {
  return Object.fromEntries(
    built().map((file) => {
      const { ino, mtimeMs } = statSync(join(checkout, file));
      return [file, `${ino} ${mtimeMs}`];
    }),
  );
}

interface Running {
  readonly child: ChildProcess;
  output: string;
}

/** Runs a script of package.json. */
function run(script: string): Running {
  const env = { ...process.env, NODE_OPTIONS: '' };
  // A group of its own: npm does not pass on every signal to what it runs.
  const child = spawn('npm', ['run', script], { cwd: checkout, env, detached: true });
  const program = { child, output: '' };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (program.output += data));
  running.add(child);
  child.once('close', () => running.delete(child));
  return program;
}

const ready = (program: Running) => says(program, 'ready: file:');

/** Waits until a program has said this; fails if it ends without having done so. */
function says(program: Running, text: string): Promise<void> {
  const { child } = program;
  return new Promise((resolve, reject) => {
    const look = () => program.output.includes(text) && resolve();
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', look);
    child.once('close', () => reject(new Error(`it ended without having said '${text}': ${program.output}`)));
    look();
  });
}

async function succeed(script: string): Promise<void> {
  const program = run(script);
  const [code] = await once(program.child, 'close');
  if (code !== 0) throw new Error(`'npm run ${script}' ended with ${code}: ${program.output}`);
}

async function stop(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  try {
    process.kill(-(child.pid as number), 'SIGTERM');
  } catch (error) {
    // It has ended; that it is closed is on its way.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
  await closed;
}
