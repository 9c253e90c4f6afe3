import type { World } from '../world/index.js';
import { StepFailure } from './plan.js';
import { assertReplayable } from './replay-check.js';
import { settle } from './settling.js';

/**
 * Lets time pass: from one due tick to the next, each with everything that it causes, and then to the end.
 *
 * @param text the step, for failures.
 */
export async function passTime(world: World, ms: number, text: string): Promise<void> {
  world.timePasses();
  const { clock, tickTime } = world;
  const [startMs, ticksStartMs] = [clock.now(), tickTime.nowMs()];
  const endMs = ticksStartMs + ms;
  const goTo = (ticksMs: number) => {
    clock.set(startMs + ticksMs - ticksStartMs);
    tickTime.goTo(ticksMs);
  };
  let ticks = 0;
  for (let nextMs = tickTime.nextMs; nextMs !== undefined && nextMs <= endMs; nextMs = tickTime.nextMs) {
    if (ticks === TICKS_MAX) throw tooMany(text);
    ticks += 1;
    goTo(Math.max(nextMs, tickTime.nowMs()));
    await settle(world, text);
  }
  goTo(endMs);
  await assertReplayable(world, text);
}

/** Most ticks that one step lets happen. */
const TICKS_MAX = 10_000;

function tooMany(text: string): StepFailure {
  return new StepFailure(`${text}\nBut more than ${TICKS_MAX} ticks are due in that time`, {
    detail: 'Let less time pass, or let the actor tick less often.',
  });
}
