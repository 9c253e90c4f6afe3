/**
 * The spec of listening, in which processes are killed and frozen, for longer and over and over with new seeds:
 * `npm run soak -- listening [ROUNDS [MINUTES OF FAULTS]]`. Stops at the first seed that fails.
 */
import { spawnSync } from 'node:child_process';

const rounds = Number(process.argv[2] ?? 10);
const faultsMs = Number(process.argv[3] ?? 1) * 60_000;
const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', 'test/multi-process/listening.spec.ts'];

for (let round = 1; round <= rounds; round += 1) {
  const seed = String(Math.floor(Math.random() * 2 ** 31));
  const env = { ...process.env, SEED: seed, LISTENING_MS: String(faultsMs) };
  const { status } = spawnSync(process.execPath, jest, { env, stdio: 'inherit' });
  if (status !== 0) {
    console.log(
      `round ${round} failed: SEED=${seed} LISTENING_MS=${faultsMs} npm test -- test/multi-process/listening`,
    );
    process.exitCode = 1;
    break;
  }
  console.log(`${round} of ${rounds} rounds passed`);
}
