/**
 * Run by `node --test`, as a user without Jest would: test/testing/scenario/node-test.spec.ts starts it and reads what it reports. What is named "fails …"
 * must fail.
 */
import { describe, it } from 'node:test';
import { Actor, Command, EventHandler, LiveActor } from 'omniscient-nest';
import { Given } from 'omniscient-nest/testing';

interface AccountEvents {
  paid_in: { cents: number };
  paid_out: { cents: number };
}

@Actor()
class Account extends LiveActor<{ cents: number }, AccountEvents> {
  initialState() {
    return { cents: 0 };
  }

  @Command()
  payIn(cents: number): void {
    this.fire('paid_in', { cents });
  }

  @Command({ onConflict: 'rerun' })
  payOut(cents: number): number {
    if (cents > this.state.cents) throw new RangeError(`only ${this.state.cents} cents are left`);
    this.fire('paid_out', { cents });
    return this.state.cents;
  }

  @EventHandler()
  paid_in({ cents }: AccountEvents['paid_in']): void {
    this.state.cents += cents;
  }

  @EventHandler()
  paid_out({ cents }: AccountEvents['paid_out']): void {
    this.state.cents -= cents;
  }
}

const rich = Given('a thousand', [{ name: 'paid_in', data: { cents: 1_000 } }]);

describe('An account', () => {
  it('passes, awaited', async () => {
    await rich
      .When(Account, 'payOut', 300)
      .AndReturns(700)
      .When(Account, 'payOut', 800)
      .ThenThrows(RangeError)
      .Then([{ name: 'paid_out', data: { cents: '{number}' } }])
      .AndState({ cents: 700 });
  });

  it('passes, returned', () => rich.When(Account, 'payIn', 1).AndState({ cents: 1_001 }));

  it('fails, awaited', async () => {
    await rich.When(Account, 'payOut', 300).Then([{ name: 'paid_out', data: { cents: 301 } }]);
  });

  it('fails, returned', () => rich.When(Account, 'payOut', 300).AndState({ cents: 701 }));

  it('fails, thrown by the actor', async () => {
    await rich.When(Account, 'payOut', 1_300);
  });

  it('fails, forgotten', () => {
    void rich.When(Account, 'payIn', 1).AndState({ cents: 1 });
  });
});
