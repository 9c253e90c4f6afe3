import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Starts the game three times, on one SQLite file: what happens in one process shows on the pages of all. */
const PROCESSES = 3;
const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));

const firstPort = Number(process.env.PORT ?? 3000);
const children: ChildProcess[] = [];

for (let port = firstPort; port < firstPort + PROCESSES; port += 1) {
  const child = fork(MAIN, { env: { ...process.env, PORT: String(port) } });
  children.push(child);
  console.log(`Port ${port} is process ${child.pid}.`);
  child.once('exit', (code, signal) =>
    console.log(`The process on port ${port} ended (${signal ?? `exit code ${code}`}).`),
  );
  const [first] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
  if (first !== 'ready') {
    stopAll('SIGTERM');
    process.exitCode = 1;
    break;
  }
}

process.once('SIGINT', () => stopAll('SIGINT'));
process.once('SIGTERM', () => stopAll('SIGTERM'));

function stopAll(signal: NodeJS.Signals): void {
  for (const child of children) child.kill(signal);
}
