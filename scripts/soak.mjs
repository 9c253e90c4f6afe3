/**
 * Runs the long soaks of test/soak, compiled to .build/test/soak, one after another, each as a process of its own that
 * succeeds or fails by its exit code: `npm run soak` for all of them, `npm run soak -- NAME [its arguments]` for one.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../.build/test/soak', import.meta.url));
const soaks = existsSync(folder)
  ? readdirSync(folder)
      .filter((file) => file.endsWith('.js'))
      .map((file) => file.slice(0, -'.js'.length))
      .sort()
  : [];
const [name, ...soakArguments] = process.argv.slice(2);

if (name !== undefined && !soaks.includes(name)) {
  console.error(`There is no soak '${name}'. There are: ${soaks.join(', ') || 'none'}.`);
  process.exit(2);
}

const failed = (name === undefined ? soaks : [name]).filter((soak) => !passes(soak));
console.log(failed.length === 0 ? 'All soaks passed.' : `Failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;

function passes(soak) {
  console.log(`--- ${soak}`);
  const startedMs = performance.now();
  const { status } = spawnSync(process.execPath, [`${folder}/${soak}.js`, ...soakArguments], { stdio: 'inherit' });
  console.log(
    `--- ${soak} ${status === 0 ? 'passed' : 'FAILED'} after ${Math.round((performance.now() - startedMs) / 1000)} s`,
  );
  return status === 0;
}
