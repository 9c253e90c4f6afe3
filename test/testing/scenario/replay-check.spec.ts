import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Actor, Command, EventHandler, LiveActor } from 'omniscient-nest';
import { Given } from 'omniscient-nest/testing';
import { compareExactly } from '../../../lib/testing/comparing/comparison.js';
import { KIND_NAMES } from '../../../lib/testing/comparing/kinds.js';
import { firstParting } from '../../../lib/testing/scenario/replayed-state.js';
import { seedFor } from '../../support/seed.js';

/** Keeps a text only if the instance that handles the event is the one that fired it. */
@Actor()
class Forgetful extends LiveActor<{ text: string }, { written: { text: string } }> {
  #wrote = false;

  initialState() {
    return { text: 'none' };
  }

  @Command()
  write(text: string): void {
    this.#wrote = true;
    this.fire('written', { text });
  }

  @EventHandler()
  written({ text }: { text: string }) {
    this.state.text = this.#wrote ? text : 'lost';
  }
}

describe('A state that is not the same when it is loaded again', () => {
  it('is found whatever its texts look like', async () => {
    for (const text of ['a text', ...KIND_NAMES]) {
      await expect(Promise.resolve(Given().When(Forgetful, 'write', text))).rejects.toThrow(
        `But the stored events, loaded again, give another state: Forgetful's state.text is 'lost', but should be '${text}'`,
      );
    }
  });

  it('may hold texts that look like matchers if they are in the events', async () => {
    await Given([{ name: 'written', data: { text: '{number}' } }]).AndState(Forgetful, { text: 'lost' });
  });
});

describe('Comparing two states that both are real', () => {
  it('takes no text for a matcher', () => {
    for (const kind of KIND_NAMES) {
      expect(compareExactly({ deep: [kind] }, { deep: [kind] }).is).toBe('same');
      expect(compareExactly({ deep: [kind] }, { deep: ['a text'] }).is).not.toBe('same');
      expect(firstParting([{}, { kind }], [{}, { kind: 'a text' }])).toBe(1);
    }
  });

  it('finds a difference exactly when JSON does, either way round', () => {
    const kinds = fc.constantFrom(...KIND_NAMES, 'a text', 1, true, null);
    const state = fc.record({ a: kinds, b: fc.array(kinds, { maxLength: 2 }) });
    fc.assert(
      fc.property(state, state, (one, other) => {
        const same = JSON.stringify(one) === JSON.stringify(other);
        expect(compareExactly(one, other).is === 'same').toBe(same);
        expect(compareExactly(other, one).is === 'same').toBe(same);
      }),
      { seed: seedFor('replay-check.spec') },
    );
  });
});
