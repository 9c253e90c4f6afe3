import { backoffIn } from '../../engine/environment/backoff.js';
import { sleep } from '../../engine/environment/environment.js';
import { timeSlicesOf } from '../../engine/environment/time-slices.js';
import { streamPages } from '../../engine/reading/paging.js';
import type { ActorBase } from '../../kernel/declaring/actor.js';
import { EngineError } from '../../kernel/values/errors.js';
import { isInstance } from '../../kernel/values/thrown.js';
import { Activation } from './activation.js';
import type { ActivationHost } from './activation-host.js';
import { runOnActivate } from './roles.js';
import type { Snapshots } from './snapshots.js';

/**
 * Loads an activation, and tries again for as long as a commit would be tried (`commitTimeoutMs`) while the engine says that trying again may help: a
 * command given while servers elect waits for them, whether its actor is in memory or not.
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
      if (tries === 1) log.warn(`${label}: could not be loaded; it is tried again`, error);
      await sleep(environment, waitMs);
    }
  }
}

/** Events that are applied before it is looked whether others should have their turn. */
const PIECE_EVENTS_MAX = 32;

/** Makes an activation: watch first, then a snapshot if a usable one is there, then the events after it, then `onActivate`. `made` hears of it before all that. */
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
    // A `OneActor`'s runs where it is led, when that begins.
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

/** Starts from the snapshot if the event it claims to stand on is the one that the stream has at that version. */
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

/** A piece of a page at a time: handlers may take their time. */
async function readEvents({ optimistic, streamId, parts }: Activation): Promise<void> {
  const slices = timeSlicesOf(parts.environment);
  for await (const page of streamPages(parts.engine, parts.environment, streamId, optimistic.version)) {
    for (let i = 0; i < page.length; i += PIECE_EVENTS_MAX) {
      if (slices.isTimeUp) await slices.turn();
      optimistic.rebase(page.slice(i, i + PIECE_EVENTS_MAX));
    }
  }
}
