import { SYSTEM } from '../../../engine/environment/index.js';

/**
 * Returns a whole number from `min` (0 if only one number is given) to below `max`. A linear congruential generator is
 * random enough here.
 */
export function randomInt(...[first, second]: [max: number] | [min: number, max: number]): number {
  const [min, max] = second === undefined ? [0, first] : [first, second];
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return min + Math.floor((state / 2 ** 32) * (max - min));
}

/** The seed of everything random in the cases. `SEED=…` in the environment repeats a run, as far as timing allows. */
export const seed = process.env.SEED ? Number(process.env.SEED) : Math.floor(SYSTEM.random() * 2 ** 31);

let state = seed >>> 0;
