/**
 * Compiles the library into dist, then what uses it into .build: `npm run build`. With `--if-needed`, as `npm start` has it, only what is missing or was
 * compiled from other sources than those that are there now.
 *
 * Whatever runs meanwhile, or is about to start, keeps finding every file whole: the compiler writes into a folder of its own, and when it has succeeded each
 * file takes its place by a rename. Of several builds at once one compiles and the others wait for it.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exclusively, release } from './exclusively.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LOCK = join(ROOT, '.building');
const COMPILER = join(ROOT, 'node_modules/typescript/bin/tsc');
/** Notes of what was built from what. */
const NOTES = join(ROOT, '.build/built');
/** What every build depends on. */
const SETTINGS = ['package.json', 'package-lock.json', 'tsconfig.json'];
/** Folders of builds that did not come to their end are removed at this age. */
const LEFT_BEHIND_MS = 600_000;

/** In this order: the second is compiled against what the first has made. */
const BUILDS = [
  { name: 'library', out: 'dist', config: 'tsconfig.build.json', sources: ['lib'] },
  {
    name: 'apps',
    out: '.build',
    config: 'tsconfig.apps.json',
    sources: ['lib', 'sample-app', 'bench', 'test/processes', 'test/soak', 'test/simulation/workloads', 'test/support'],
  },
];

const isForced = !process.argv.includes('--if-needed');
const folder = join(ROOT, `.building-${process.pid}-${Date.now()}`);
let compiler;

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => giveUp(signal));
process.exitCode = await build();

async function build() {
  if (!isForced && BUILDS.every(isBuilt)) return 0;
  let isMine = false;
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true });
    if (isMine) release(LOCK);
  });
  return exclusively(LOCK, async () => {
    isMine = true;
    removeLeftBehind();
    // Whoever waited looks again: the other has probably built what was missing.
    for (const each of BUILDS.filter((each) => isForced || !isBuilt(each))) {
      const code = await make(each);
      if (code !== 0) return code;
    }
    return 0;
  }).finally(() => {
    isMine = false;
  });
}

/** Gives the compiler's exit code; what was there stays if that is not 0. */
async function make({ name, out, config, sources }) {
  // Taken before: a source that changes while it is compiled is compiled again the next time.
  const from = fingerprint([...SETTINGS, config, ...sources]);
  const made = join(folder, name);
  const code = await compile(config, made);
  if (code !== 0) return code;
  const note = join(NOTES, `${name}.json`);
  rmSync(note, { force: true });
  const files = filesBelow(made).map((file) => relative(made, file));
  for (const file of files) place(join(made, file), join(ROOT, out, file));
  removeOthers(join(ROOT, out), new Set(files.map((file) => join(ROOT, out, file))));
  writeFileSync(join(made, 'note'), JSON.stringify({ from, files }));
  place(join(made, 'note'), note);
  return 0;
}

function compile(config, outDir) {
  return new Promise((resolve, reject) => {
    const args = [COMPILER, '-p', join(ROOT, config), '--outDir', outDir];
    compiler = spawn(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
    compiler.once('error', reject);
    compiler.once('exit', (code) => resolve(code ?? 1));
  });
}

function place(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  renameSync(from, to);
}

/** What earlier sources were compiled to; a folder goes with the last of its files. */
function removeOthers(out, kept) {
  for (const entry of readdirSync(out, { withFileTypes: true })) {
    const path = join(out, entry.name);
    if (path === NOTES) continue;
    if (!entry.isDirectory()) {
      if (!kept.has(path)) rmSync(path, { force: true });
      continue;
    }
    removeOthers(path, kept);
    if (readdirSync(path).length === 0) rmdirSync(path);
  }
}

function isBuilt({ name, out, config, sources }) {
  const note = join(NOTES, `${name}.json`);
  if (!existsSync(note)) return false;
  const { from, files } = JSON.parse(readFileSync(note, 'utf8'));
  if (from !== fingerprint([...SETTINGS, config, ...sources])) return false;
  return files.every((file) => existsSync(join(ROOT, out, file)));
}

/** Changes when one of these files, or a TypeScript file in one of these folders, is changed, added or removed. */
function fingerprint(paths) {
  const hash = createHash('sha256');
  for (const file of paths.flatMap((path) => filesBelow(join(ROOT, path))).sort()) {
    if (!/\.(?:ts|json)$/.test(file)) continue;
    const { size, mtimeMs } = statSync(file);
    hash.update(`${relative(ROOT, file)} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

function filesBelow(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => filesBelow(join(path, name)));
}

function removeLeftBehind() {
  for (const name of readdirSync(ROOT).filter((name) => name.startsWith('.building-'))) {
    const path = join(ROOT, name);
    if (Date.now() - statSync(path).mtimeMs > LEFT_BEHIND_MS) rmSync(path, { recursive: true, force: true });
  }
}

/** The compiler may have been told as well, or not: a terminal tells all its processes. */
function giveUp(signal) {
  compiler?.kill(signal);
  process.exit(signal === 'SIGINT' ? 130 : 143);
}
