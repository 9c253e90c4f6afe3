import { expect, it } from '@jest/globals';
import { SLICE_MS } from '../../../lib/engine/environment/time-slices.js';
import type { Activation } from '../../../lib/runtime/hosting/activation.js';
import { Residents } from '../../../lib/runtime/hosting/residents.js';
import { VirtualEnvironment } from '../../support/virtual-environment.js';

/** On which work takes its time. */
class BusyEnvironment extends VirtualEnvironment {
  #workedMs = 0;

  work(ms: number): void {
    this.#workedMs += ms;
  }

  override monotonicMs(): number {
    return super.monotonicMs() + this.#workedMs;
  }
}

it('does not take one back that was let go while the sweep gave others their turn', async () => {
  const environment = new BusyEnvironment(1);
  const residents = new Residents({ residentMax: 100, commitTimeoutMs: 60_000 }, environment);
  const all = Array.from({ length: 20 }, () => ({ used: false, idle: true, settled: true, alive: true }) as Activation);
  const end = (activation: Activation) => {
    residents.remove(activation);
    Object.assign(activation, { alive: false, used: true });
  };
  const host = {
    passivateAfterMs: 100,
    async passivate(activation: Activation) {
      if (!activation.alive) return;
      end(activation);
      environment.work(SLICE_MS);
      const next = all[all.indexOf(activation) + 1];
      // In the turn for which the sweep waits now; somebody who watched it looks away then.
      if (next) environment.setImmediate(() => end(next));
    },
  };
  for (const each of all) residents.add(each, host);
  await environment.run(() => residents.size === 0 || environment.now() > 10_000);
  expect(residents.size).toBe(0);
  residents.close();
});
