/** The spec of random interleavings, over and over with new seeds: `npm run soak -- interleavings [ROUNDS]`. Stops at the first seed that fails. */
import { spawnSync } from 'node:child_process';

const rounds = Number(process.argv[2] ?? 100);
const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', 'test/runtime', 'test/kernel', '--silent'];

for (let round = 1; round <= rounds; round += 1) {
  const seed = String(Math.floor(Math.random() * 2 ** 31));
  const { status } = spawnSync(process.execPath, jest, { env: { ...process.env, SEED: seed }, stdio: 'ignore' });
  if (status !== 0) {
    console.log(`round ${round} failed: SEED=${seed} npm test`);
    process.exitCode = 1;
    break;
  }
  if (round % 10 === 0) console.log(`${round} of ${rounds} rounds passed`);
}
