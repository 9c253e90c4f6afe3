import { beforeEach, describe, expect, it } from '@jest/globals';
import { EngineError } from 'omniscient-nest';
import { SYSTEM } from 'omniscient-nest/engine';
import { MemoryEngine } from 'omniscient-nest/memory';
import { SavedCheckpoint } from '../../../lib/runtime/delivery/saved-checkpoint.js';

interface Place {
  readonly position: number;
}

/** Saves, and then loses the answer, as often as it is told to. */
class ForgetfulEngine extends MemoryEngine {
  losses = 0;
  /** An engine that tries again itself says that somebody else was first. */
  saysRefused = false;

  override async saveCheckpoint(name: string, revision: number, value: string) {
    const isSaved = await super.saveCheckpoint(name, revision, value);
    if (this.losses === 0) return isSaved;
    this.losses -= 1;
    if (this.saysRefused) return false;
    throw new EngineError('ENGINE_TIMEOUT', 'no answer', { retryable: true, outcomeUnknown: true });
  }
}

describe('a bookmark', () => {
  let engine: ForgetfulEngine;
  const open = () => SavedCheckpoint.open<Place>({ engine, environment: SYSTEM }, 'a', { position: 0 });
  const claim = () => SavedCheckpoint.claim<Place>({ engine, environment: SYSTEM }, 'a', { position: 0 });
  const kept = async () => JSON.parse((await engine.loadCheckpoint('a'))?.value ?? 'null');

  beforeEach(async () => {
    engine = new ForgetfulEngine();
    await engine.open();
  });

  it('that was claimed can be saved by nobody who had it before, however far they had come', async () => {
    const frozen = await claim();
    await frozen?.save({ position: 5 });
    const leader = await claim();
    expect(leader?.value).toEqual({ position: 5 });
    expect(await frozen?.save({ position: 9 })).toBe(false);
    await frozen?.close({ position: 9 });
    expect(await leader?.save({ position: 6 })).toBe(true);
    expect(await kept()).toEqual({ position: 6 });
  });

  it('says when somebody else has saved it, also if there is nothing to save', async () => {
    const one = await open();
    await one.save({ position: 1 });
    expect(await one.save({ position: 1 })).toBe(true);
    await (await open()).save({ position: 7 });
    expect(await one.save({ position: 1 })).toBe(false);
  });

  it.each([false, true])(
    'goes on after an answer that was lost (the engine tries again itself: %p)',
    async (itself) => {
      const one = await open();
      await one.save({ position: 1 });
      engine.losses = 1;
      engine.saysRefused = itself;
      const second = one.save({ position: 2 });
      if (itself) expect(await second).toBe(true);
      else await expect(second).rejects.toThrow('no answer');
      expect(await one.save({ position: 3 })).toBe(true);
      expect(await kept()).toEqual({ position: 3 });
    },
  );

  it('is saved one after the other by its own owner', async () => {
    const one = await open();
    const saved = await Promise.all([1, 2, 3].map((position) => one.save({ position })));
    expect(saved).toEqual([true, true, true]);
    expect(await kept()).toEqual({ position: 3 });
  });
});
