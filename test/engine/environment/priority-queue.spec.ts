import { expect, it } from '@jest/globals';
import { PriorityQueue } from '../../../lib/engine/environment/priority-queue.js';
import { randomFrom, seedFor } from '../../support/seed.js';

it('gives what was added in its order, whatever is added and taken in between', () => {
  const random = randomFrom(seedFor('priority-queue'));
  for (let round = 0; round < 200; round += 1) {
    const queue = new PriorityQueue<number>((one, other) => one < other);
    const kept: number[] = [];
    for (let step = 0; step < 100; step += 1) {
      if (random() < 0.6) {
        const item = Math.floor(random() * 20);
        queue.add(item);
        kept.push(item);
        kept.sort((one, other) => one - other);
      } else {
        expect(queue.first).toBe(kept[0]);
        expect(queue.take()).toBe(kept.shift());
      }
      expect(queue.size).toBe(kept.length);
    }
    queue.clear();
    expect(queue.take()).toBeUndefined();
  }
});
