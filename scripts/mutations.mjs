/**
 * Shows that the simulator finds sabotages of the library: each of test/simulation/mutations.mjs is applied to a copy of the compiled package, in which the
 * recorded course must fail, or one of the next. `node scripts/mutations.mjs [--name TEXT] [--from N] [--to N]`; with `--find` it looks for a course, from seed 1 on (`--seeds N` of each workload,
 * 60 by default), and prints it. Its exit status is 1 if one was not found.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { transformSync } from '@swc/core';
import { MUTATIONS } from '../test/simulation/mutations.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = join(ROOT, '.build/mutations');
const SWC = {
  configFile: false,
  swcrc: false,
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
    keepClassNames: true,
  },
  module: { type: 'es6' },
};

const { values: options } = parseArgs({
  options: {
    name: { type: 'string' },
    find: { type: 'boolean' },
    seeds: { type: 'string', default: '60' },
    from: { type: 'string', default: '0' },
    to: { type: 'string' },
  },
});
const chosen = MUTATIONS.slice(Number(options.from), options.to === undefined ? undefined : Number(options.to)).filter(
  ({ name }) => options.name === undefined || name.includes(options.name),
);
let missed = 0;
// A sabotaged library may leave promises that nobody waits for.
process.on('unhandledRejection', () => {});
delete process.env.SEED;
for (const each of chosen) {
  const found = await tried(each);
  if (!found) missed += 1;
  console.log(`${found ? 'found ' : 'MISSED'} ${each.name}${found ? `: ${found}` : ''}`);
}
console.log(`${chosen.length - missed} of ${chosen.length} found`);
process.exit(missed === 0 ? 0 : 1);

/** How it was found; `undefined` if it was not. */
async function tried(mutation) {
  let folder;
  try {
    folder = copyWith(mutation);
    return await run(folder, coursesOf(mutation, await import(workloadsIn(folder))));
  } catch (error) {
    console.error(error.message);
    return undefined;
  } finally {
    if (folder) rmSync(folder, { recursive: true, force: true });
  }
}

async function run(folder, courses) {
  const { simulate } = await import(pathToFileURL(join(folder, 'dist/testing/index.js')).href);
  for (const { workload, seed, name } of courses) {
    try {
      await simulate({ ...workload, seed, shrinks: false });
    } catch (error) {
      const how = error.code === 'SIMULATION_FAILED' ? error.invariant : `it throws ${error}`;
      return `${name}, seed ${seed}: ${how}`;
    }
  }
  return undefined;
}

/** The course that found it last, and those after it in case the library has changed since. */
function coursesOf({ workload, seed }, { WORKLOADS: workloads }) {
  const names = workload === undefined ? Object.keys(workloads) : [workload];
  const seeds = Array.from({ length: Number(options.seeds) }, (_, i) => i + 1);
  if (seed !== undefined && !options.find) seeds.unshift(seed);
  return seeds.flatMap((each) => names.map((name) => ({ workload: workloads[name], name, seed: each })));
}

/** A copy of the package, beside the compiled workloads, with one line changed. */
function copyWith({ name, file, find, replace }) {
  const source = readFileSync(join(ROOT, file), 'utf8');
  if (source.split(find).length !== 2) {
    throw new Error(
      `${name}: '${find}' is there ${source.split(find).length - 1} times in ${file}, and must be there once`,
    );
  }
  const folder = join(FOLDER, `${process.pid}-${MUTATIONS.findIndex((each) => each.name === name)}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(ROOT, '.build/test/simulation/workloads'), join(folder, 'workloads'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  if (!existsSync(join(folder, 'node_modules'))) symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const { code } = transformSync(
    source.replace(find, () => replace),
    { ...SWC, filename: file },
  );
  writeFileSync(join(folder, file.replace(/^lib\//, 'dist/').replace(/\.ts$/, '.js')), code);
  return folder;
}

function workloadsIn(folder) {
  return pathToFileURL(join(folder, 'workloads/index.js')).href;
}
