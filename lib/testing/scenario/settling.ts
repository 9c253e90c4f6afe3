import { SYSTEM, turnOfTheLoop } from '../../engine/environment/index.js';
import type { ParkedData } from '../../kernel/framework/index.js';
import type { StoredFailure } from '../../kernel/values/index.js';
import { errorText } from '../comparing/index.js';
import type { World } from '../world/index.js';
import { StepFailure } from './plan.js';
import { assertReplayable } from './replay-check.js';

/**
 * Waits until everything that a step caused has ended: reactions of others, and reactions to those. Then the stored
 * events are complete, and the check that actors can be loaded from them runs.
 *
 * @param after the step, for failures.
 * @throws StepFailure if there is no end, if a reaction failed, or if an actor would not be the same when loaded again.
 */
export async function assertSettled(world: World, after: string): Promise<void> {
  await settle(world, after);
  await assertReplayable(world, after);
}

/** Longest that a step waits until nobody has work. It is less than the time that runners give a test. Milliseconds. */
const SETTLE_MS_MAX = 3_000;
/** If nobody has work for this many turns of the event loop in a row, nobody is about to get any. */
const IDLE_TURNS = 4;
/** Most names of actors in a failure. */
const NAMES_SHOWN_MAX = 5;

/** Only waits, and checks whether a reaction failed. */
export async function settle(world: World, after: string): Promise<void> {
  const endMs = SYSTEM.monotonicMs() + SETTLE_MS_MAX;
  for (let quiet = 0; quiet < IDLE_TURNS; ) {
    await turnOfTheLoop(SYSTEM);
    const atWork = world.atWork();
    quiet = atWork.length === 0 ? quiet + 1 : 0;
    if (atWork.length > 0 && SYSTEM.monotonicMs() > endMs) throw restless(after, atWork);
  }
  const [parked] = await world.newlyParked();
  if (parked) throw failed(after, parked);
}

function restless(after: string, atWork: readonly string[]): StepFailure {
  const names = [...new Set(atWork)];
  const more = names.length > NAMES_SHOWN_MAX ? ` and ${names.length - NAMES_SHOWN_MAX} more` : '';
  return new StepFailure(
    `${after}\nBut what it caused has not ended within ${SETTLE_MS_MAX} ms: ${names.slice(0, NAMES_SHOWN_MAX).join(', ')}${more} still at work`,
    {
      detail:
        'A reaction that waits for something outside needs a part that answers at once: write Given(…).With(…). Reactions that cause each other need an end.',
    },
  );
}

function failed(after: string, { actor, actorId, listener, event, error }: ParkedData): StepFailure {
  const cause = thrown(error);
  return new StepFailure(
    `${after}\nBut ${actor} '${actorId}' could not react to '${event.name}': '${listener}' failed: ${errorText(cause)}`,
    { actual: cause, cause },
  );
}

/** Returns what a listener threw, as far as it was kept. */
function thrown({ name, message, code, stack, cause }: StoredFailure): Error {
  const error = Object.assign(
    new Error(message, cause && { cause: thrown(cause) }),
    { name },
    code !== undefined && { code },
  );
  if (stack !== undefined) error.stack = stack;
  return error;
}
