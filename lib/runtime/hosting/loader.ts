import { backoffIn, sleep, timeSlicesOf } from '../../engine/environment/index.js';
import { streamPages } from '../../engine/reading/index.js';
import type { ActorBase } from '../../kernel/declaring/index.js';
import { EngineError, isInstance } from '../../kernel/values/index.js';
import { Activation } from './activation.js';
import type { ActivationHost } from './activation-host.js';
import { runOnActivate } from './roles.js';
import type { Snapshots } from './snapshots.js';

/**
 * Loads an activation. While the engine's errors are retryable, it tries again for `commitTimeoutMs`, as a commit does.
 * So a command that is given while database servers elect a primary waits for them, whether its actor is in memory or
 * not.
 */
export async function loadPersistently(
  host: ActivationHost<Activation>,
  label: string,
  load: () => Promise<Activation>,
): Promise<Activation> {
  const { limits, log, environment } = host.parts;
  const deadlineMs = environment.monotonicMs() + limits.commitTimeoutMs;
  const backoff = backoffIn(environment);
  for (let tries = 1; ; tries += 1) {
    try {
      return await load();
    } catch (error) {
      const waitMs = backoff.nextMs();
      const mayWork = isInstance(error, EngineError) && error.retryable && !host.closing;
      if (!mayWork || environment.monotonicMs() + waitMs > deadlineMs) throw error;
      if (tries === 1) log.warn(`${label}: could not be loaded; loading is retried`, error);
      await sleep(environment, waitMs);
    }
  }
}

/** How many events are applied before the event loop may get its turn. */
const PIECE_EVENTS_MAX = 32;

/**
 * Makes an activation: it watches the stream first, then restores a usable snapshot, reads the events after it, and
 * runs `onActivate`. `made` gets the activation before all that.
 */
export async function loadActivation(
  host: ActivationHost<Activation>,
  snapshots: Snapshots,
  ids: { id: string; streamId: string },
  newActor: () => ActorBase<object, object> | Promise<ActorBase<object, object>>,
  made: (activation: Activation) => void,
): Promise<Activation> {
  const slices = timeSlicesOf(host.parts.environment);
  if (slices.isTimeUp) await slices.turn();
  const activation = new Activation(host, ids.id, ids.streamId, await newActor());
  made(activation);
  try {
    await activation.feed?.watch();
    await restoreSnapshot(activation, snapshots);
    await readEvents(activation);
    activation.feed?.start();
    activation.ticks?.look();
    // A `OneActor`'s `onActivate` runs on the leader, when it takes over.
    if (!activation.leader) await runOnActivate(activation);
    if (!host.closing) activation.loaded = true;
    activation.refreshListening();
    await activation.listening?.begun;
  } catch (error) {
    activation.end(error);
    throw error;
  }
  return activation;
}

/** Restores the snapshot if its last event is the one that the stream has at that version. */
async function restoreSnapshot(activation: Activation, snapshots: Snapshots): Promise<void> {
  const { optimistic, actorState, streamId } = activation;
  activation.fingerprint = snapshots.fingerprintFor(activation.actor.initialState());
  const found = await snapshots.load(streamId, activation.fingerprint);
  if (!found) return;
  const { version, eventId } = found.record;
  const [event] = await snapshots.engine.readStream(streamId, version - 1, 1);
  if (event?.id !== eventId) return;
  actorState.restore(found.state);
  activation.framework.restore(found.framework ?? {});
  optimistic.version = version;
  optimistic.lastEventId = eventId;
  activation.snapshotVersion = version;
}

/** Applies a page in pieces, because handlers may be slow. */
async function readEvents({ optimistic, streamId, parts }: Activation): Promise<void> {
  const slices = timeSlicesOf(parts.environment);
  for await (const page of streamPages(parts.engine, parts.environment, streamId, optimistic.version)) {
    for (let i = 0; i < page.length; i += PIECE_EVENTS_MAX) {
      if (slices.isTimeUp) await slices.turn();
      optimistic.rebase(page.slice(i, i + PIECE_EVENTS_MAX));
    }
  }
}
