import { endsWithin, sleep } from '../../engine/environment/index.js';
import { OmniscientError, ShuttingDownError } from '../../kernel/values/index.js';
import type { ActorHost, Residents } from '../hosting/index.js';
import type { RuntimeParts } from '../parts/index.js';

/** Waits until this holds, at most `shutdownTimeoutMs`. */
export async function untilOrLate(holds: () => boolean, { limits, environment }: RuntimeParts): Promise<void> {
  const deadlineMs = environment.monotonicMs() + limits.shutdownTimeoutMs;
  while (!holds() && environment.monotonicMs() < deadlineMs) {
    await sleep(environment, DRAIN_LOOK_MS);
  }
}

/** How often shutdown checks whether everything accepted is stored. Milliseconds. */
const DRAIN_LOOK_MS = 2;

/**
 * Waits until everything accepted is stored, at most `shutdownTimeoutMs`. Whatever is left then ends, and its callers
 * get an error.
 */
export async function settleAll(residents: Residents, parts: RuntimeParts): Promise<void> {
  const { shutdownTimeoutMs } = parts.limits;
  await untilOrLate(() => residents.isSettled, parts);
  const why = `not everything was stored within ${shutdownTimeoutMs} ms (shutdownTimeoutMs) of the shutdown: look at the stream to learn what was stored`;
  cutOff(residents, parts, why);
}

/**
 * Runs every `onPassivate` and ends all activations. This has `shutdownTimeoutMs` of its own: one hanging command must
 * not cost all other actors their hooks, and one hanging hook must not keep the node alive.
 */
export async function passivateAll(
  hosts: readonly ActorHost[],
  residents: Residents,
  parts: RuntimeParts,
): Promise<void> {
  const { shutdownTimeoutMs } = parts.limits;
  const closed = Promise.all(hosts.map((host) => host.close(new ShuttingDownError())));
  if (await endsWithin(parts.environment, closed, shutdownTimeoutMs)) return;
  const why =
    `onPassivate, or what it called, did not end within ${shutdownTimeoutMs} ms (shutdownTimeoutMs) and was cut off: its events are not stored. ` +
    'Make it faster, or raise shutdownTimeoutMs';
  cutOff(residents, parts, why);
  for (const activation of residents.all()) activation.end(new ShuttingDownError());
}

function cutOff(residents: Residents, { log }: RuntimeParts, why: string): void {
  for (const activation of residents.unsettled()) {
    const message = `${activation.label}: ${why}`;
    log.error(message);
    activation.end(new OmniscientError('SHUTDOWN_INCOMPLETE', message));
  }
}
