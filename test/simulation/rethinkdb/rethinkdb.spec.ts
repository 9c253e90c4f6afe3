import { expect, it } from '@jest/globals';
import { SABOTAGES } from './sabotage.js';
import { simulate } from './simulation.js';

const FROM = Number(process.env.FROM ?? 1);
const SEEDS = Number(process.env.SEEDS ?? 40);

it('seeds', async () => {
  let bad = 0;
  const beganMs = performance.now();
  const sabotage = process.env.SABOTAGE ? Object.values(SABOTAGES)[Number(process.env.SABOTAGE)] : undefined;
  const say = (text: string) => process.stdout.write(`${text}\n`);
  if (sabotage) say(Object.keys(SABOTAGES)[Number(process.env.SABOTAGE)] as string);
  for (let seed = FROM; seed < FROM + SEEDS; seed += 1) {
    const course = await simulate({ seed, isFresh: Boolean(process.env.FRESH), hasDatabase: Boolean(process.env.HAS), ...(process.env.GOSSIP ? { gossipMs: Number(process.env.GOSSIP) } : {}), ...(sabotage ? { sabotage } : {}) });
    if (course.faults.length > 0) {
      bad += 1;
      say(`seed ${seed}: ${course.faults.slice(0, 4).join(' | ').slice(0, 700)}`);
      if (process.env.STORY) say(course.story.join('\n'));
      if (sabotage && bad >= 2) break;
    }
    if (seed % 25 === 0) say(`at ${seed}, ${bad} bad, ${Math.round((performance.now() - beganMs) / 1000)} s`);
  }
  expect(bad).toBe(0);
}, 3_000_000);
