import { describe, expect, it } from '@jest/globals';
import {
  type Beat,
  HEARTBEAT_TIMEOUT_MS,
  ON_THE_WAY_MS,
  REPAIR_MS_MAX,
  TickCourse,
} from '../../support/tick-course.js';

/** How many courses are run; more by `TICK_SEEDS=…`. The first one is `SEED=…`, or that of the day. */
const SEEDS = Number(process.env.TICK_SEEDS ?? 150);
const FIRST_SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
process.stdout.write(`tick-seeds: SEED=${FIRST_SEED}\n`);

const HOUR_MS = 3_600_000;
/** Until a failed start has been swept away: two sweeps. Milliseconds. */
const SWEPT_MS = 12_000;

interface Chaos {
  readonly setsClocks: boolean;
  readonly freezes: boolean;
  readonly kills: boolean;
}

/** Something happens, again and again. */
async function rage(course: TickCourse, chaos: Chaos, steps: number): Promise<void> {
  const everyMs = () => course.oneOf([100, 250, 1_000]);
  for (let i = 0; i < steps; i += 1) {
    await course.time.pass(course.oneOf([course.between(0, 50), course.between(0, 3_000)]));
    const node = course.oneOf(course.running);
    const dice = course.random();
    if (dice < 0.2) course.give(node, ['begin', everyMs()]);
    else if (dice < 0.3) course.give(node, ['end']);
    else if (dice < 0.5) course.give(node, ['end'], ['begin', everyMs()]);
    else if (dice < 0.55) course.give(node, ['end'], ['begin', everyMs()], ['end'], ['begin', everyMs()]);
    else if (dice < 0.6) course.give(node, ['begin', everyMs(), 3]);
    else if (dice < 0.65) course.give(node, ['beginAndFail']);
    else if (dice < 0.7) course.look(node);
    else if (dice < 0.78) await disturb(course, chaos);
    else if (dice < 0.86 && chaos.setsClocks) course.setClock(node, course.oneOf([-1, 1]) * stepMs(course));
    else if (dice < 0.93 && chaos.kills && course.running.length > 1) course.kill(node);
    else if (course.running.length < 4) await course.start(chaos.setsClocks ? course.between(-HOUR_MS, HOUR_MS) : 0);
    else course.leave(node);
  }
}

function stepMs(course: TickCourse): number {
  return course.oneOf([course.between(0, 3_000), 60_000, HOUR_MS]);
}

async function disturb(course: TickCourse, { freezes }: Chaos): Promise<void> {
  if (!freezes || course.running.length < 2) return;
  const node = course.oneOf(course.running);
  course.freeze(node);
  const forMs = course.between(100, 8_000);
  course.time.after(forMs, () => course.thaw(node));
}

function fairWeather(course: TickCourse): void {
  Object.assign(course.weather, { slow: 0, refused: 0, late: 0, twice: 0 });
  for (const node of course.nodes) course.thaw(node);
}

/** Each `n` once, never too early, and nothing missed that there was no time for. */
function assertSteps(course: TickCourse, isExact: boolean): void {
  for (const { tick, before, everyMs } of course.steps()) {
    const passedMs = tick.firedAtMs - before.firedAtMs;
    const which = `tick ${tick.n} of ${tick.by}, ${passedMs} ms after ${before.n} of ${before.by}, every ${everyMs} ms`;
    if (tick.n !== before.n + 1) throw new Error(`${which}: not the next one`);
    if (passedMs < everyMs - 0.01) throw new Error(`${which}: early`);
    const { startedAtMs } = course.all.find(({ machine }) => machine.name === tick.by) as { startedAtMs: number };
    // Who was not there long enough to read the other's clock can only go by its own.
    const isKnown = startedAtMs + 1.5 * HEARTBEAT_TIMEOUT_MS < before.firedAtMs;
    const mostMissed = Math.max(0, Math.floor(passedMs / everyMs) - 1);
    if (isKnown && tick.missed > mostMissed) throw new Error(`${which}: ${tick.missed} missed`);
    const leastMissed = Math.floor((tick.firedAtMs - before.storedAtMs - HEARTBEAT_TIMEOUT_MS) / everyMs) - 1;
    if (isExact && tick.missed < leastMissed) throw new Error(`${which}: only ${tick.missed} missed`);
  }
}

/** The index says what the stream says, and somebody ticks. */
function assertQuiet(course: TickCourse): void {
  const ticking = course.ticking();
  const rows = [...course.store.schedules.values()];
  if (!ticking) {
    expect(rows).toEqual([]);
    return;
  }
  expect(rows).toHaveLength(1);
  expect(course.running.map(({ machine }) => machine.name)).toContain(rows[0]?.owner);
  const silentMs = course.time.nowMs - course.lastFiredAtMs();
  if (silentMs > ticking.everyMs + ON_THE_WAY_MS) throw new Error(`the last tick was ${silentMs} ms ago`);
}

/** In how many courses it ticked when all was over. */
let ticked = 0;

async function run(course: TickCourse, chaos: Chaos): Promise<void> {
  const count = course.oneOf([1, 2, 3]);
  for (let i = 0; i < count; i += 1) await course.start(chaos.setsClocks ? course.between(-HOUR_MS, HOUR_MS) : 0);
  Object.assign(course.weather, { slow: course.oneOf([0, 0.5]), refused: course.oneOf([0, 0.1]) });
  Object.assign(course.weather, { late: course.oneOf([0, 0.1]), twice: course.oneOf([0, 0.2]) });
  await rage(course, chaos, 25);

  // In the end it ticks, started a moment ago; and then its node dies.
  for (const node of course.nodes) course.thaw(node);
  if (course.running.length < 2) await course.start();
  // These may be late, and come twice, but not fail: it is to tick.
  Object.assign(course.weather, { refused: 0, late: 0 });
  course.give(course.oneOf(course.running), ['end'], ['begin', course.oneOf([100, 250, 1_000])]);
  await course.time.pass(course.between(0, 4_000));
  const killed = course.running.find(({ machine }) => machine.name === course.owner());
  if (killed) course.kill(killed);
  fairWeather(course);
  const everyMs = Math.max(1_000, course.ticking()?.everyMs ?? 0);
  await course.time.pass(everyMs + REPAIR_MS_MAX + ON_THE_WAY_MS);
  if (course.ticking()) {
    ticked += 1;
    const silentMs = course.time.nowMs - course.lastFiredAtMs();
    if (silentMs > everyMs + REPAIR_MS_MAX) throw new Error(`nobody ticks: the last tick was ${silentMs} ms ago`);
  }
  await course.time.pass(SWEPT_MS);
  assertQuiet(course);
  course.give(course.oneOf(course.running), ['end']);
  await course.time.pass(SWEPT_MS);
  assertQuiet(course);
  expect(course.ticking()).toBeUndefined();
  assertSteps(course, !chaos.setsClocks && !chaos.freezes);
}

function beatText({ name, everyMs, count, n, missed, firedAtMs, storedAtMs, atMs, by }: Beat): string {
  const what = name === 'tick' ? `tick ${n}, ${missed} missed` : `$ticking ${everyMs} ${count ?? ''}`;
  return `${(firedAtMs / 1_000).toFixed(3)} ${by} ${what}, stored ${(storedAtMs / 1_000).toFixed(3)}, at ${atMs}`;
}

describe('A TickActor on machines that fail', () => {
  const kinds: [string, Chaos][] = [
    ['killed', { setsClocks: false, freezes: false, kills: true }],
    ['whose clocks are set', { setsClocks: true, freezes: false, kills: true }],
    ['frozen', { setsClocks: false, freezes: true, kills: true }],
    ['frozen, with clocks that are set', { setsClocks: true, freezes: true, kills: true }],
  ];

  it.each(kinds)(
    'ticks each n once, never early, on and on: %s',
    async (_name, chaos) => {
      const failed: string[] = [];
      ticked = 0;
      for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
        const course = new TickCourse(seed);
        try {
          await run(course, chaos);
        } catch (error) {
          failed.push(`SEED=${seed}: ${error instanceof Error ? error.message : String(error)}`);
          if (failed.length === 1) failed.push(...course.told, ...course.beats().map((beat) => beatText(beat)));
        }
      }
      const failures = failed.filter((line) => line.startsWith('SEED')).length;
      process.stdout.write(`${SEEDS} seeds, ${failures} failed, ${ticked} ticked on after their node was killed\n`);
      expect(failed.slice(0, 400)).toEqual([]);
      if (SEEDS >= 20) expect(ticked).toBeGreaterThan(SEEDS / 2);
    },
    Math.max(60_000, SEEDS * 2_000),
  );

  it.each([620155948, 2017103477])(
    'counts no hour as missed that a clock was set back while nobody looked: %i',
    async (seed) => {
      await run(new TickCourse(seed), { setsClocks: true, freezes: true, kills: true });
    },
  );
});
