import { expect, it } from '@jest/globals';
import { simulate } from './simulation.js';

const FROM = Number(process.env.FROM ?? 1);
const SEEDS = Number(process.env.SEEDS ?? 40);

it('seeds', async () => {
  const bad: unknown[] = [];
  const beganMs = performance.now();
  let appended = 0;
  for (let seed = FROM; seed < FROM + SEEDS; seed += 1) {
    const course = await simulate({
      seed,
      isFresh: Boolean(process.env.FRESH),
      ...(process.env.SABOTAGE ? { rewrite: (await import('./sabotage.js')).SABOTAGES[process.env.SABOTAGE] } : {}),
    });
    appended += course.appended;
    if (course.faults.length > 0) bad.push({ seed, faults: course.faults.slice(0, 6) });
    if (process.env.VERBOSE)
      console.log(
        JSON.stringify({ ...course, story: undefined, faults: course.faults.slice(0, 5) }),
        process.env.STORY ? course.story.join('\n') : '',
      );
  }
  console.log(
    SEEDS,
    'seeds',
    appended,
    'appended',
    Math.round(performance.now() - beganMs),
    'ms',
    JSON.stringify(bad.slice(0, 20), null, 1),
    bad.length,
  );
  expect(bad).toEqual([]);
}, 3_000_000);
