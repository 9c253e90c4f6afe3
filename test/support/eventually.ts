import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { patientMs } from './machine-speed.js';

/** Waits until it holds; fails if it does not in time. */
export async function eventually(holds: () => boolean | Promise<boolean>, withinMs = 8_000): Promise<void> {
  const endMs = performance.now() + patientMs(withinMs);
  let isSo = await holds();
  while (!isSo && performance.now() < endMs) {
    await sleep(5);
    isSo = await holds();
  }
  expect(isSo).toBe(true);
}
