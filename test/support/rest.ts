// The real one, also where a test runner has replaced the global.
import { setImmediate } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';

const TURNS = 100;

/** Waits so long, and then until the event loop has turned a hundred times: by then all has happened that needs no timer, however busy the machine is. */
export async function rest(ms: number): Promise<void> {
  await sleep(ms);
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
